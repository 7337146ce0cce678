"""A metric in each arm, and arms compared: by user, and within stretches of fixed shares.

Where a ramp changed the shares, early users are another mixture of arms than late ones, and arms would differ by that alone. Each stretch is then
compared for itself, and an arm's value is the mean of its stretches with weights that all arms share. A user whom a ramp moved is in both arms;
its contributions stay one unit.
Source: Crook, Frasca, Kohavi, Longbotham 2009, "Seven Pitfalls to Avoid when Running Controlled Experiments on the Web" (ramps and Simpson's paradox).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..statistics.moments import ROUNDING, Estimate, Numbers, difference, estimate_ratio, sum_moments
from ..statistics.quantiles import estimate_quantile
from .answers import AnswerTable
from .metrics import Metric
from .outcomes import Counting, Outcomes


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What is measured: which answers (n,) count, their outcomes, and in which stretch (n,) each lies."""

    table: AnswerTable
    found: Outcomes
    is_counted: NDArray[np.bool_]
    stretch: NDArray[np.intp]
    counting: Counting
    arms: int

    def only(self, answers: NDArray[np.bool_]) -> Measured:
        """Return it with some answers (n,) alone."""
        return replace(self, is_counted=self.is_counted & answers)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmValue:
    """A metric in an arm.

    Attributes:
        estimate: Its value.
        active_users: In how many users it is not 0.
        largest: The part of what is counted that one user has, of the user with most; 0 where nothing is.
        errors: After a ramp, what each user (users,) adds to the error.
    """

    estimate: Estimate
    active_users: int
    largest: float
    errors: Numbers | None = None


def measure_arms(metric: Metric, measured: Measured) -> list[ArmValue]:
    """Return a metric in each arm."""
    chosen = measured.is_counted & measured.found.is_counted
    cells = [
        [np.flatnonzero(chosen & (measured.table.arm == arm) & (measured.stretch == stretch)) for stretch in np.unique(measured.stretch)]
        for arm in range(measured.arms)
    ]
    if metric.quantile is not None:
        return [_quantile(metric, measured, np.concatenate(rows), metric.quantile) for rows in cells]
    totals = [[_user_totals(metric, measured, rows) for rows in of_arm] for of_arm in cells]
    if len(totals[0]) == 1:
        return [_ratio(*of_arm[0]) for of_arm in totals]
    counts = np.array([[each[1].sum() for each in of_arm] for of_arm in totals])
    weights = np.where((counts > 0).all(axis=0), counts.sum(axis=0), 0.0)
    return [_standardised(of_arm, weights) for of_arm in totals]


def compare_arms(first: ArmValue, other: ArmValue) -> Estimate:
    """Return the other arm's value less the first one's."""
    if first.errors is None or other.errors is None:
        return difference(first.estimate, other.estimate)
    users = first.estimate.users + other.estimate.users
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.asarray(((other.errors - first.errors) ** 2).sum() * users / (users - 1))
    return Estimate(other.estimate.value - first.estimate.value, variance, users)


def _user_totals(metric: Metric, measured: Measured, rows: NDArray[np.intp]) -> tuple[Numbers, Numbers]:
    """Return y and x of each user (users,); x is 0 of a user without an answer among the rows that counts for the metric."""
    user, users = measured.table.user[rows], measured.table.users
    y, x = (  # (users,) each
        np.bincount(user, weights=part(measured.found, measured.counting)[rows], minlength=users).astype(np.float64)
        for part in (metric.y, metric.x)
    )
    return ((y > 0).astype(np.float64), (x > 0).astype(np.float64)) if metric.by_user else (y, x)


def _ratio(y: Numbers, x: Numbers) -> ArmValue:
    return ArmValue(estimate=estimate_ratio(sum_moments(y, x)), active_users=int(np.count_nonzero(y)), largest=largest_part(x))


def largest_part(x: Numbers) -> float:
    """Return the part of a sum over users (users,) that the largest one is; 0 of an empty sum."""
    return float(x.max() / x.sum()) if x.any() else 0.0


def _standardised(stretches: Sequence[tuple[Numbers, Numbers]], weights: Numbers) -> ArmValue:
    chosen = [(weight / weights.sum(), y, x) for weight, (y, x) in zip(weights, stretches, strict=True) if weight > 0]
    if not chosen:
        nothing = Estimate(*(np.float64(each) for each in (np.nan, np.nan, 0)))  # type: ignore[arg-type]
        return ArmValue(estimate=nothing, active_users=0, largest=0.0, errors=np.zeros(len(stretches[0][0])))
    value = sum(weight * y.sum() / x.sum() for weight, y, x in chosen)
    errors = sum(weight * _residuals(y, x) / x.sum() for weight, y, x in chosen)
    users = np.count_nonzero(sum(x for _, _, x in chosen))
    variance = (errors**2).sum() * users / (users - 1) if users > 1 else np.nan
    active = np.count_nonzero(sum(y for _, y, _ in chosen))
    largest = largest_part(sum(weight * x / x.sum() for weight, _, x in chosen))
    estimate = Estimate(value, np.float64(variance), np.float64(users))  # type: ignore[arg-type]
    return ArmValue(estimate=estimate, active_users=int(active), largest=largest, errors=errors)


def _residuals(y: Numbers, x: Numbers) -> Numbers:
    found = y - y.sum() / x.sum() * x
    return np.where(np.abs(found) > ROUNDING * y, found, 0.0)


def _quantile(metric: Metric, measured: Measured, rows: NDArray[np.intp], share: float) -> ArmValue:
    user = measured.table.user[rows]
    answers = np.bincount(user, minlength=measured.table.users)
    present = answers > 0
    values = metric.y(measured.found, measured.counting)[rows]
    estimate = estimate_quantile(values, user, present, share)
    return ArmValue(estimate=estimate, active_users=int(present.sum()), largest=largest_part(answers.astype(np.float64)))
