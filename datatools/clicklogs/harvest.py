"""Examination by intervention harvesting: the same item at different positions for the same query.

Source: AllPairs of Agarwal, Zaitsev, Wang, Li, Najork, Joachims, "Estimating Position Bias without Intrusive Interventions", WSDM 2019
(https://arxiv.org/abs/1812.05161). For each two positions, the click rates of what stood at both are compared; the ratios of all pairs of
positions give one examination each. We differ in two ways. An item's rates are weighted by n m / (n + m), where n and m are its impressions at
the two positions, in place of 1: rates of few impressions are mostly noise. And the nuisance parameter of each pair of positions, its
relevance, is conditioned away, which leaves a Bradley-Terry model (https://doi.org/10.1214/aos/1079120141), solved by Newton's method.
"""

from __future__ import annotations

import numpy as np

from .cells import Cells

BLOCK = 1 << 14
"""Pairs of query and item that are in memory at a time, with all their positions."""
_STEPS, _TOLERANCE = 200, 1e-10


def swapped_clicks(cells: Cells, positions: int) -> np.ndarray:
    """Return (k, k): entry [a, b] sums the weighted clicks at position a + 1 of what stood at b + 1 too; the diagonal is 0."""
    total = np.zeros((positions, positions))
    pair = cells.pair()
    starts = np.searchsorted(pair, np.arange(0, int(pair.max(initial=-1)) + 1, BLOCK))
    for start, end in zip(starts, [*starts[1:], len(pair)], strict=True):
        at = (pair[start:end] - pair[start], cells.position[start:end] - 1)
        shown, clicked = np.zeros((2, at[0].max(initial=-1) + 1, positions))
        shown[at], clicked[at] = cells.shown[start:end], cells.clicked[start:end]
        rate = np.divide(clicked, shown, out=np.zeros_like(shown), where=shown > 0)
        for a in range(positions):
            one = shown[:, a, None]
            weight = np.divide(one * shown, one + shown, out=np.zeros_like(shown), where=(one > 0) & (shown > 0))
            total[a] += rate[:, a] @ weight
    np.fill_diagonal(total, 0.0)
    return total


def connected(clicks: np.ndarray) -> np.ndarray:
    """Return which positions can be compared with the one that has most clicks, over others too, (k,) bool.

    Two can be compared where what stood at both was clicked at both; without that there is no finite estimate (Ford 1957).
    """
    linked = (clicks > 0) & (clicks.T > 0)
    reached = np.zeros(len(clicks), dtype=bool)
    reached[int(np.where(linked, clicks, 0).sum(1).argmax())] = True
    while True:
        more = reached | linked[reached].any(0)
        if (more == reached).all():
            return reached
        reached = more


def solve(clicks: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return the examination of each position beside the first of `known`, (k,); NaN of the others."""
    at = np.flatnonzero(known)
    sums = clicks[np.ix_(at, at)]
    both = sums + sums.T
    strength = np.zeros(len(at))  # logarithms
    for _ in range(_STEPS):
        share = 1 / (1 + np.exp(strength[None, :] - strength[:, None]))  # (k, k): of the clicks at a or b, those at a
        slope = sums.sum(1) - (both * share).sum(1)
        curve = both * share * share.T
        laplacian = np.diag(curve.sum(1)) - curve
        step = np.clip(np.linalg.lstsq(laplacian, slope, rcond=None)[0], -2, 2)
        strength += step - step[:1]
        if np.abs(step - step[:1]).max(initial=0) < _TOLERANCE:
            break
    found = np.full(len(clicks), np.nan)
    found[at] = np.exp(strength)
    return found
