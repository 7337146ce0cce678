"""How much traffic a difference needs, tested once at the end, or at every look."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from .sequential import radius


def fixed_variance(effect: float, alpha: float, power: float) -> float:
    """Return the variance of the difference at which one test at the end finds an effect with a chance of `power`."""
    return float((effect / (ndtri(1 - alpha / 2) + ndtri(power))) ** 2)


def always_valid_variance(effect: float, tau: float, alpha: float, power: float) -> float:
    """Return the variance at which the always-valid test has found an effect with a chance of at least `power`.

    That is the chance at one look; looks before it only add to it, so that the traffic that follows from it is an upper bound.
    """
    low, high = 0.0, fixed_variance(effect, alpha, power)  # the sequence needs more than one test, which needs this variance
    for _ in range(80):
        middle = (low + high) / 2
        enough = effect - ndtri(power) * np.sqrt(middle) >= radius(np.float64(middle), tau, alpha)  # type: ignore[arg-type]
        low, high = (middle, high) if enough else (low, middle)
    return low
