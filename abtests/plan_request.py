"""What is asked of a plan, and what is refused before anything is computed."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import RequestError
from .measures.measure import PREFERENCE, Measure
from .measures.metrics import METRICS, Metric, measure_named

_MOST = 1e9
"""No number of a plan is larger, or smaller than one over it: squares of others would overflow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """A plan.

    Attributes:
        metric: Which one; preference, of interleaved lists.
        effect: The smallest difference that matters, in the metric's unit.
        baseline: Its value in the first arm, such as what a first report says of it; None of preference alone, which is 0 of equal arms.
        sd: The standard deviation of what one answer (of `conversion`: one user) has; None: sqrt(baseline * (1 - baseline)), which no value
            between 0 and 1 exceeds, and 1 of preference.
        per_day: What is counted, a day, all arms together; None: days are not told.
        design_effect: How many times as much is needed because the answers of a user are alike; 1: they are not.
        power: The chance to find the effect.
        alpha: The chance to find one where there is none.
    """

    metric: str
    effect: float
    baseline: float | None = None
    sd: float | None = None
    per_day: float | None = None
    design_effect: float = 1.0
    power: float = 0.8
    alpha: float = 0.05

    def __post_init__(self) -> None:
        metric = measure_named(self.metric)
        _check_numbers(self)
        if isinstance(metric, Metric) and metric.quantile is not None:
            known = ", ".join([each.name for each in METRICS if each.quantile is None] + [PREFERENCE.name])
            raise RequestError(f"how much traffic {metric.name} needs depends on the whole distribution; expected one of {known}")
        if metric.unit != "share" and self.sd is None:
            raise RequestError(f"{metric.name} is in {metric.unit}: give --sd, the standard deviation of an answer")
        _check_baseline(self, metric)


def _check_numbers(request: PlanRequest) -> None:
    for name in ("effect", "sd", "per_day"):
        value = getattr(request, name)
        if value is not None and not 1 / _MOST <= value <= _MOST:
            raise RequestError(f"{name} is {value:g}; expected a number from {1 / _MOST:g} to {_MOST:g}")
    if not 1 <= request.design_effect <= _MOST:
        raise RequestError(f"the design effect is {request.design_effect:g}; expected a number from 1 to {_MOST:g}")
    check_chances(request.alpha, request.power)


def check_chances(alpha: float, power: float) -> None:
    """Refuse a level and a power that no test has.

    Raises:
        RequestError: alpha is not between 0 and 1, or the power not between alpha and 1.
    """
    if not 0 < alpha < power < 1:
        raise RequestError(f"alpha is {alpha:g} and the power {power:g}; expected chances between 0 and 1, the power above alpha")


def _check_baseline(request: PlanRequest, metric: Measure) -> None:
    if metric is PREFERENCE:
        if request.baseline is not None or request.effect >= 1:
            raise RequestError("preference is 0 of equal arms and at most 1: leave out --baseline, and give an --effect below 1")
        return
    if request.baseline is None:
        raise RequestError(f"give --baseline, the value of {metric.name} today")
    if metric.unit == "share":
        for name, value in (("baseline", request.baseline), ("baseline with the effect", moved_by_effect(request, request.baseline))):
            if not 0 < value < 1:
                raise RequestError(f"the {name} is {value:g}; {metric.name} lies between 0 and 1, so that 0.1 is ten percent")


def moved_by_effect(request: PlanRequest, baseline: float) -> float:
    """Return the value of the metric in the better arm."""
    return baseline + measure_named(request.metric).direction * request.effect
