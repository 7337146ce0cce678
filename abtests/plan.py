"""How much traffic a test needs: tested once at the end, or looked at whenever one likes."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from ..errors import RequestError
from .measures.measure import PREFERENCE, Measure
from .measures.metrics import METRICS, Metric, measure_named
from .statistics.remaining import always_valid_variance, fixed_variance

_MOST = 1e9
"""No number of a plan is larger, or smaller than one over it: what follows from others is no number any more."""


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
        for name, value in (("baseline", request.baseline), ("baseline with the effect", _moved(request, metric, request.baseline))):
            if not 0 < value < 1:
                raise RequestError(f"the {name} is {value:g}; {metric.name} lies between 0 and 1, so that 0.1 is ten percent")


def _moved(request: PlanRequest, metric: Measure, baseline: float) -> float:
    return baseline + metric.direction * request.effect


@dataclass(frozen=True, slots=True, kw_only=True)
class Needed:
    """What a test needs: of each arm (of interleaved lists, which all arms share: in all), and days at the traffic of the plan."""

    per_arm: int
    days: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Traffic by kind of test.

    Attributes:
        unit: What is counted, such as answers or users.
        arms: How many share the traffic equally: two, and 1 where lists are interleaved.
        fixed: Tested once, at the end.
        always_valid: Looked at whenever one likes: at most so much until the effect is found with a chance of `power`.
        half: Until half of such tests have stopped.
        twice: As `always_valid`, where the true difference is twice the effect.
    """

    request: PlanRequest
    unit: str
    arms: int
    fixed: Needed
    always_valid: Needed
    half: Needed
    twice: Needed

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON writes it."""
        return asdict(self)


def make_plan(request: PlanRequest) -> Plan:
    """Return how much traffic a test needs."""
    metric = measure_named(request.metric)
    values = _variances(request, metric)
    total = sum(values) * request.design_effect

    def needed(variance: float) -> Needed:
        per_arm = math.ceil(total / variance)
        return Needed(per_arm=per_arm, days=None if request.per_day is None else len(values) * per_arm / request.per_day)

    effect, alpha, power = request.effect, request.alpha, request.power
    return Plan(
        request=request,
        unit=metric.counted,
        arms=len(values),
        fixed=needed(fixed_variance(effect, alpha, power)),
        always_valid=needed(always_valid_variance(effect, effect, alpha, power)),
        half=needed(always_valid_variance(effect, effect, alpha, 0.5)),
        twice=needed(always_valid_variance(2 * effect, effect, alpha, power)),
    )


def _variances(request: PlanRequest, metric: Measure) -> list[float]:
    """Return the variance of an answer in each arm; of an interleaved one, whose sign is the difference already, one."""
    if request.baseline is None:
        return [1.0 if request.sd is None else request.sd**2]
    values = (request.baseline, _moved(request, metric, request.baseline))
    return [value * (1 - value) if request.sd is None else request.sd**2 for value in values]
