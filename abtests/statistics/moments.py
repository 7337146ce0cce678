"""A ratio of user totals, and how far chance moves it: the statistics that all metrics of the report share.

A user is one unit, however many answers and days it has: arms are drawn by user. A metric is the sum of what users have (`y`, such as their
answers with a click) over the sum of what it is counted of (`x`, such as their answers). Everything here takes sums over users, in arrays of
any common shape, so that one report and thousands of simulations go through the same lines.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Numbers = NDArray[np.float64]
ROUNDING = 1e-12
"""Residuals that are so small a part of what they are a difference of are rounding: users who are all alike have none."""


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums over the users of an arm: how many, of y, of x, and of their products."""

    users: Numbers | NDArray[np.intp]
    y: Numbers
    x: Numbers
    yy: Numbers
    xy: Numbers
    xx: Numbers


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value, its sampling variance (nan where it cannot be known), and of how many users."""

    value: Numbers
    variance: Numbers
    users: Numbers


def sum_moments(y: ArrayLike, x: ArrayLike) -> Moments:
    """Sum user totals along the last axis; a user of whom nothing is counted yet (x = 0) is not a user of the arm."""
    totals, counts = np.broadcast_arrays(np.asarray(y, float), np.asarray(x, float))
    products = (totals * totals, totals * counts, counts * counts)
    return Moments(np.count_nonzero(counts, axis=-1), totals.sum(-1), counts.sum(-1), *(each.sum(-1) for each in products))


def estimate_ratio(sums: Moments) -> Estimate:
    """Return y / x with its variance by linearisation (the delta method), users being the sampled units.

    Source: Deng, Knoblich, Lu 2018, "Applying the Delta Method in Metric Analytics", arXiv:1803.06336; each user's residual is y - ratio * x.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        value = sums.y / sums.x
        residuals = sums.yy - 2 * value * sums.xy + value * value * sums.xx
        residuals = np.where(residuals > ROUNDING * sums.yy, residuals, 0)
        variance = residuals / sums.x**2 * (sums.users / (sums.users - 1))
    return Estimate(value, np.where(sums.users > 1, variance, np.nan), np.asarray(sums.users, float))


def difference(first: Estimate, other: Estimate) -> Estimate:
    """Return the other arm's value less the first one's; arms share no user, so that variances add."""
    return Estimate(other.value - first.value, first.variance + other.variance, first.users + other.users)
