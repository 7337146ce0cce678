"""A quantile over answers, and how far chance moves it when users are what is sampled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .moments import Estimate, estimate_ratio, sum_moments

_WIDTH = 1.959963984540054


def estimate_quantile(values: NDArray[np.float64], user: NDArray[np.integer], present: NDArray[np.bool_], share: float) -> Estimate:
    """Return a quantile with its variance: the interval of the share below it, by user, is carried over to values.

    Args:
        values: (n,) of answers.
        user: (n,) whose they are, from 0.
        present: Whether a user has any of them.
        share: Which quantile, 0 to 1.

    Source: Woodruff 1952, "Confidence Intervals for Medians and Other Position Measures"; the share's variance by the delta method.
    """
    users = present.sum()
    if not len(values):
        return Estimate(np.float64(np.nan), np.float64(np.nan), np.float64(users))  # type: ignore[arg-type]
    value = np.quantile(values, share)
    below = np.bincount(user, weights=values <= value, minlength=len(present))[present]
    spread = _WIDTH * np.sqrt(estimate_ratio(sum_moments(below, np.bincount(user, minlength=len(present))[present])).variance)
    low, high = np.quantile(values, np.clip([share - np.nan_to_num(spread, nan=1), share + np.nan_to_num(spread, nan=1)], 0, 1))
    return Estimate(value, ((high - low) / (2 * _WIDTH)) ** 2, np.float64(users))  # type: ignore[arg-type]
