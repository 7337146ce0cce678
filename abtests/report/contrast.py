"""Arms measured and compared: estimates become figures."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..measure import ArmValue, Measured, compare_arms, measure_arms
from ..metrics import METRICS, Metric
from ..moments import Estimate
from ..outcomes import Counting
from ..sequential import always_valid_p, fixed_p, fixed_radius, radius
from .figures import Contrast, Figure, MetricRow


def metric_rows(measured: Measured, names: Sequence[str], alpha: float) -> tuple[MetricRow, ...]:
    """Return every metric in each arm; the first arm is what the others are compared with."""
    return tuple(_row(metric, measure_arms(metric, measured), names, measured.counting, alpha) for metric in METRICS)


def _row(metric: Metric, values: Sequence[ArmValue], names: Sequence[str], counting: Counting, alpha: float) -> MetricRow:
    contrasts = (
        contrast_of(name, compare_arms(values[0], each), metric.effect, alpha) for name, each in zip(names[1:], values[1:], strict=True)
    )
    return MetricRow(
        metric=metric.name,
        label=metric.label.format(k=counting.k),
        unit=metric.unit,
        direction=metric.direction,
        effect=metric.effect,
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
    return Contrast(
        arm=arm,
        value=known(value),
        low=known(value - reach),
        high=known(value + reach),
        p=float(fixed_p(found)),
        always_low=known(value - always),
        always_high=known(value + always),
        always_p=float(always_valid_p(found, tau)),
    )


def known(number: float) -> float | None:
    """Return a number, None where it is not one."""
    return number if math.isfinite(number) else None
