"""Intervals and p-values that stay valid at every look: a report may be read each hour, and stopped when it says so.

A confidence sequence of a normal mixture: at every moment, the interval holds all differences d for which the mixture of likelihood ratios
over N(d, tau^2) is below 1 / alpha. Under any fixed truth that mixture is a martingale of mean 1, so that the chance that it ever reaches
1 / alpha is at most alpha (Ville). For user totals this holds by a central limit, hence `READY_USERS` and `READY_EVENTS`.

Sources: Robbins 1970, "Statistical Methods Related to the Law of the Iterated Logarithm"; Johari, Koomen, Pekelis, Walsh 2017, "Peeking at A/B
Tests", and 2022, "Always Valid Inference", arXiv:1512.04922; Howard, Ramdas, McAuliffe, Sekhon 2021, "Time-uniform, nonparametric,
nonasymptotic confidence sequences", arXiv:1810.08240; Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas 2024, "Time-uniform central limit theory
and asymptotic confidence sequences", arXiv:2103.06476.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, ndtri

from .moments import Estimate, Numbers

READY_USERS, READY_EVENTS = 100, 30
"""Nothing is decided before each arm has so many users, and both together so many users in whom the metric is not 0."""
MOST_OF_ONE = 0.2
"""Nothing is decided while one user has more of what is counted in an arm: the central limit is one of many users.

A user with the part s of it moves a share by up to 1 / (1 - s) of the standard error, of which a decision takes more than 3.
"""


def radius(variance: Numbers, tau: float, alpha: float) -> Numbers:
    """Return half the width of the always-valid interval.

    Args:
        variance: Of the difference, at the moment of the look.
        tau: The standard deviation of the mixture, in the metric's unit: the smallest effect that matters, fixed before the first look.
        alpha: The chance that the sequence of intervals ever misses the truth.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.log1p(tau * tau / variance) + 2 * np.log(1 / alpha)
        return np.where(variance > 0, np.sqrt(variance * (variance + tau * tau) / (tau * tau) * spread), np.inf)


def always_valid_p(found: Estimate, tau: float) -> Numbers:
    """Return the p-value that is valid at every look: one over the mixture of likelihood ratios, at most 1."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        total = found.variance + tau * tau
        log_mixture = 0.5 * np.log(found.variance / total) + found.value**2 * tau * tau / (2 * found.variance * total)
        return np.where(found.variance > 0, np.exp(-np.maximum(np.nan_to_num(log_mixture), 0)), 1.0)


def fixed_radius(variance: Numbers, alpha: float) -> Numbers:
    """Return half the width of the interval that is valid at one look, fixed beforehand."""
    return np.asarray(ndtri(1 - alpha / 2) * np.sqrt(variance))


def fixed_p(found: Estimate) -> Numbers:
    """Return the two-sided p-value that is valid at one look, fixed beforehand."""
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.abs(found.value) / np.sqrt(found.variance)
    return np.where(found.variance > 0, 2 * ndtr(-np.nan_to_num(distance)), 1.0)


def is_ready(first_users: Numbers, other_users: Numbers, active_users: int, largest: float = 0.0) -> bool:
    """Return whether there are users enough for a decision.

    Args:
        first_users: Of the first arm.
        other_users: Of the other one.
        active_users: Those of both arms in whom the metric is not 0.
        largest: The part of what is counted in an arm that its largest user has.
    """
    are_enough = min(float(first_users), float(other_users)) >= READY_USERS and active_users >= READY_EVENTS
    return bool(are_enough and largest <= MOST_OF_ONE)
