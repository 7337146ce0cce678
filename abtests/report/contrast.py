"""Arms measured and compared: estimates become figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..measures.arms import ArmValue, Measured, compare_arms, measure_arms
from ..measures.metrics import METRICS, Metric
from ..measures.outcomes import Counting
from ..statistics.moments import Estimate
from ..statistics.sequential import always_valid_p, fixed_p, fixed_radius, radius
from .figures import Contrast, Figure, MetricRow


@dataclass(frozen=True, slots=True)
class Primary:
    """The metric that decides, the smallest difference of it that matters, and the level of one comparison."""

    metric: str
    effect: float
    alpha: float


def metric_rows(measured: Measured, names: Sequence[str], primary: Primary) -> tuple[MetricRow, ...]:
    """Return every metric in each arm; the first arm is what the others are compared with."""
    rows = [_row(metric, measure_arms(metric, measured), names, measured.counting, primary) for metric in METRICS]
    others = [row for row in rows if row.metric != primary.metric]
    adjusted = [_holm([row.contrasts[arm].always_p for row in others]) for arm in range(len(names) - 1)]
    by_metric = {row.metric: [of_arm[number] for of_arm in adjusted] for number, row in enumerate(others)}
    return tuple(_adjusted(row, by_metric.get(row.metric)) for row in rows)


def _holm(values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for their number (Holm 1979): valid together at every look, as each of them is."""
    order = np.argsort(values, kind="stable")
    steps = np.maximum.accumulate(np.array(values)[order] * np.arange(len(values), 0, -1))
    found = np.empty(len(values))
    found[order] = np.minimum(steps, 1)
    return [float(each) for each in found]


def _adjusted(row: MetricRow, values: Sequence[float] | None) -> MetricRow:
    if values is None:
        return row
    return replace(row, contrasts=tuple(replace(each, always_p_holm=p) for each, p in zip(row.contrasts, values, strict=True)))


def _row(metric: Metric, values: Sequence[ArmValue], names: Sequence[str], counting: Counting, primary: Primary) -> MetricRow:
    effect = primary.effect if metric.name == primary.metric else metric.effect
    contrasts = (
        contrast_of(name, compare_arms(values[0], each), effect, primary.alpha) for name, each in zip(names[1:], values[1:], strict=True)
    )
    return MetricRow(
        metric=metric.name,
        label=metric.label.format(k=counting.k),
        unit=metric.unit,
        direction=metric.direction,
        effect=effect,
        values=tuple(figure_of(each.estimate) for each in values),
        contrasts=tuple(contrasts),
    )


def figure_of(estimate: Estimate) -> Figure:
    """Return a value with its interval of 95 %, by user."""
    reach = float(fixed_radius(estimate.variance, 0.05))
    value = float(estimate.value)
    return Figure(value=known(value), low=known(value - reach), high=known(value + reach))


def contrast_of(arm: str, found: Estimate, tau: float, alpha: float) -> Contrast:
    """Return a difference with both intervals and both p-values.

    Args:
        arm: Which one is compared with the first.
        found: The difference.
        tau: The smallest effect that matters.
        alpha: The level of both intervals.
    """
    value, reach, always = float(found.value), float(fixed_radius(found.variance, alpha)), float(radius(found.variance, tau, alpha))
    always_p = float(always_valid_p(found, tau))
    return Contrast(
        arm=arm,
        value=known(value),
        low=known(value - reach),
        high=known(value + reach),
        p=float(fixed_p(found)),
        always_low=known(value - always),
        always_high=known(value + always),
        always_p=always_p,
        always_p_holm=always_p,
    )


def known(number: float) -> float | None:
    """Return a number, None where it is not one."""
    return number if math.isfinite(number) else None
