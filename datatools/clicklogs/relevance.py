"""How relevant an item is to a query: clicks over the impressions that were looked at, and what such items are worth where those are few.

The model is that of positions (Craswell et al. 2008, https://doi.org/10.1145/1341531.1341545): a click takes a look and relevance. Dividing the
clicks by the expected looks has the expectation of inverse propensity weights (Joachims et al. 2017, https://arxiv.org/abs/1608.04468) and a
smaller variance. Where looks are few, the rate is shrunk towards that of items which the shop's ranker placed alike (empirical Bayes: a Gamma
prior on Poisson counts), because the ranker knows something too, and dividing by small examination would forget it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from .cells import Cells

BINS = 20
_STRENGTHS = 2.0 ** np.arange(-3, 8)


@dataclass(frozen=True, slots=True)
class PairScores:
    """Pairs of query and item, ascending; all arrays are (n,).

    Attributes:
        query, item: Their numbers.
        relevance: Expected clicks (purchases counted as further ones) of an impression that is looked at; of a log of clicks alone, clicks.
        clicked: Clicks, before correction.
        looked: Impressions that were looked at, in expectation.
        strength: How many looks the prior is worth; 0 where there is none.
    """

    query: np.ndarray
    item: np.ndarray
    relevance: np.ndarray
    clicked: np.ndarray
    looked: np.ndarray
    strength: float = 0.0


def score_pairs(cells: Cells, examination: np.ndarray, purchase_weight: float, *, has_impressions: bool = True) -> PairScores:
    """Return the relevance of every pair that was shown at a position whose examination is known.

    Args:
        cells: The log.
        examination: (k,) for positions 1 to k, clipped already; NaN: not known, and left out. Of position 0 it is 1.
        purchase_weight: So many further clicks is a purchase.
        has_impressions: Whether the log knows what was shown and not clicked; where not, corrected clicks are relevance.
    """
    of_position = np.concatenate([[1.0], examination, np.full(max(0, cells.last_position - len(examination)), np.nan)])
    cells = cells.take(~np.isnan(of_position[cells.position]))
    look = of_position[cells.position]
    pair = cells.pair()
    first = np.flatnonzero(np.diff(pair, prepend=-1))
    reward = cells.clicked + purchase_weight * cells.bought
    clicked, rewards, looked, corrected = (np.bincount(pair, each) for each in (cells.clicked, reward, cells.shown * look, reward / look))
    query, item = cells.query[first], cells.item[first]
    if not has_impressions:
        return PairScores(query, item, corrected, clicked, looked)
    prior = _placed_alike(cells, pair, query, rewards, looked)
    strength = _strength(rewards, looked, prior)
    return PairScores(query, item, (rewards + strength * prior) / (looked + strength), clicked, looked, strength)


def _placed_alike(cells: Cells, pair: np.ndarray, query: np.ndarray, rewards: np.ndarray, looked: np.ndarray) -> np.ndarray:
    """Return the mean relevance of pairs that were placed alike, (n,): by the mean of 1 / position over all lists of the query.

    An item that was not in a list counts 0 there. Bins hold as many clicks each.
    """
    place = np.bincount(pair, cells.shown / np.maximum(cells.position, 1))
    lists = np.zeros(int(query.max(initial=-1)) + 1)
    by_place, at = np.unique(np.stack([cells.query, cells.position]), axis=1, return_inverse=True)
    np.maximum.at(lists, by_place[0], np.bincount(at.ravel(), cells.shown))
    order = np.argsort(place / lists[query], kind="stable")
    reached = np.cumsum(rewards[order])
    bins = np.empty(len(order), dtype=np.int64)
    bins[order] = np.minimum(reached * BINS / max(reached[-1:].sum(), 1e-9), BINS - 1).astype(np.int64)
    rate = (np.bincount(bins, rewards, BINS) + 0.5) / (np.bincount(bins, looked, BINS) + 1)
    return np.asarray(rate[bins])


def _strength(rewards: np.ndarray, looked: np.ndarray, prior: np.ndarray) -> float:
    """Return how many looks the prior is worth, by the greatest marginal likelihood of the counts."""
    best, most = 1.0, -np.inf
    for strength in _STRENGTHS:
        shape = strength * prior
        fit = (
            gammaln(rewards + shape) - gammaln(shape) + shape * np.log(strength / (strength + looked)) - rewards * np.log(strength + looked)
        )
        if (total := float(fit.sum())) > most:
            best, most = float(strength), total
    return best
