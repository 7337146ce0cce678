"""The metrics of the report: one row each, what a user has over what it is counted of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import ConfigError, unknown_name
from .measure import PREFERENCE, Measure
from .outcomes import Counting, Outcomes, Values

Part = Callable[[Outcomes, Counting], Values]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric(Measure):
    """A metric of arms that have users of their own.

    Attributes:
        y, x: Of each answer, what is summed by user, and what it is counted of.
        by_user: Whether a user counts once: 1 where its y is above 0.
        quantile: In place of a ratio, this quantile of y.
    """

    y: Part
    x: Part
    by_user: bool = False
    quantile: float | None = None


def _mark(chosen: NDArray[np.bool_]) -> Values:
    return chosen.astype(np.float64)


def _each(found: Outcomes, _counting: Counting) -> Values:
    return np.ones(len(found.ms))


METRICS = (
    Metric(
        name="ctr",
        label="click-through",
        says="answers with a click, of all answers",
        direction=1,
        effect=0.01,
        y=lambda found, _: _mark(found.clicks > 0),
        x=_each,
    ),
    Metric(
        name="conversion",
        label="conversion, users",
        says="users with a purchase, of all users",
        direction=1,
        effect=0.005,
        y=lambda found, _: found.purchases,
        x=_each,
        by_user=True,
        counted="users",
    ),
    Metric(
        name="conversion-answers",
        label="conversion, answers",
        says="answers with a purchase, of all answers",
        direction=1,
        effect=0.005,
        y=lambda found, _: _mark(found.purchases > 0),
        x=_each,
    ),
    Metric(
        name="precision-clicks",
        label="precision@{k}, clicks",
        says="of the first {k} places, the share that was clicked",
        direction=1,
        effect=0.005,
        y=lambda found, counting: found.clicks_k / counting.k,
        x=_each,
    ),
    Metric(
        name="precision-purchases",
        label="precision@{k}, purchases",
        says="of the first {k} places, the share that was bought",
        direction=1,
        effect=0.002,
        y=lambda found, counting: found.purchases_k / counting.k,
        x=_each,
    ),
    Metric(
        name="bought-in-k",
        label="bought within {k}",
        says="of the items that were bought, the share within the first {k} places",
        direction=1,
        effect=0.02,
        y=lambda found, _: found.purchases_k,
        x=lambda found, _: found.purchases,
        counted="items bought",
    ),
    Metric(
        name="mrr",
        label="MRR of the click",
        says="one over the place of the highest item that was clicked, 0 without a click",
        direction=1,
        effect=0.01,
        y=lambda found, _: found.reciprocal,
        x=_each,
    ),
    Metric(
        name="abandoned",
        label="abandoned",
        says="answers without a click, of all answers",
        direction=-1,
        effect=0.01,
        y=lambda found, _: _mark(found.clicks == 0),
        x=_each,
    ),
    Metric(
        name="reformulated",
        label="searched again",
        says="answers without a click after which the user soon sent another query, of all answers",
        direction=-1,
        effect=0.01,
        y=lambda found, _: found.is_again,
        x=_each,
    ),
    Metric(
        name="time-to-click",
        label="time to first click",
        says="seconds from answer to first click, of answers with a click",
        direction=-1,
        effect=1.0,
        y=lambda found, _: found.wait_s,
        x=lambda found, _: _mark(found.clicks > 0),
        unit="seconds",
        counted="answers with a click",
    ),
    Metric(
        name="latency-p50",
        label="latency, p50",
        says="milliseconds that half of the answers took at most",
        direction=-1,
        effect=5.0,
        y=lambda found, _: found.ms,
        x=_each,
        unit="ms",
        quantile=0.5,
    ),
    Metric(
        name="latency-p95",
        label="latency, p95",
        says="milliseconds that 95 % of the answers took at most",
        direction=-1,
        effect=20.0,
        y=lambda found, _: found.ms,
        x=_each,
        unit="ms",
        quantile=0.95,
    ),
)
METRIC_NAMES = tuple(metric.name for metric in METRICS)


def metric_named(name: str) -> Metric:
    """Return a metric.

    Raises:
        ConfigError: there is none of this name.
    """
    for metric in METRICS:
        if metric.name == name:
            return metric
    raise ConfigError(unknown_name("metric", name, METRIC_NAMES))


def measure_named(name: str) -> Measure:
    """Return what can decide a test: a metric, or the preference of interleaved lists.

    Raises:
        ConfigError: there is none of this name.
    """
    if name == PREFERENCE.name:
        return PREFERENCE
    if name not in METRIC_NAMES:
        raise ConfigError(unknown_name("metric", name, (*METRIC_NAMES, PREFERENCE.name)))
    return metric_named(name)
