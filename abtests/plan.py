"""How much traffic a test needs: tested once at the end, or looked at whenever one likes."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from ..errors import RequestError
from .measures.metrics import METRICS, metric_named
from .statistics.remaining import always_valid_variance, fixed_variance


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """A plan.

    Attributes:
        metric: Which one.
        baseline: Its value in the first arm, such as what a first report says of it.
        effect: The smallest difference that matters, in the metric's unit.
        sd: The standard deviation of what one answer (of `conversion`: one user) has; None: sqrt(baseline * (1 - baseline)), which no value
            between 0 and 1 exceeds.
        per_day: Answers (users) a day, all arms together; None: days are not told.
        design_effect: How many times as much is needed because the answers of a user are alike; 1: they are not.
        power: The chance to find the effect.
        alpha: The chance to find one where there is none.
    """

    metric: str
    baseline: float
    effect: float
    sd: float | None = None
    per_day: float | None = None
    design_effect: float = 1.0
    power: float = 0.8
    alpha: float = 0.05

    def __post_init__(self) -> None:
        metric = metric_named(self.metric)
        if metric.quantile is not None:
            known = ", ".join(each.name for each in METRICS if each.quantile is None)
            raise RequestError(f"how much traffic {metric.name} needs depends on the whole distribution; expected one of {known}")
        if metric.unit != "share" and self.sd is None:
            raise RequestError(f"{metric.name} is in {metric.unit}: give --sd, the standard deviation of an answer")
        if metric.unit == "share":
            for name, value in (("baseline", self.baseline), ("baseline with the effect", self.baseline + metric.direction * self.effect)):
                if not 0 < value < 1:
                    raise RequestError(f"the {name} is {value:g}; {metric.name} lies between 0 and 1, so that 0.1 is ten percent")


@dataclass(frozen=True, slots=True, kw_only=True)
class Needed:
    """What a test needs: of each arm, and days at the traffic of the plan (two arms, half each)."""

    per_arm: int
    days: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Traffic by kind of test.

    Attributes:
        unit: What is counted: answers or users.
        fixed: Tested once, at the end.
        always_valid: Looked at whenever one likes: at most so much until the effect is found with a chance of `power`.
        half: Until half of such tests have stopped.
        twice: As `always_valid`, where the true difference is twice the effect.
    """

    request: PlanRequest
    unit: str
    fixed: Needed
    always_valid: Needed
    half: Needed
    twice: Needed

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON writes it."""
        return asdict(self)


def make_plan(request: PlanRequest) -> Plan:
    """Return how much traffic a test needs."""
    metric = metric_named(request.metric)
    one, other = (_variance(request, value) for value in (request.baseline, request.baseline + metric.direction * request.effect))
    total = (one + other) * request.design_effect

    def needed(variance: float) -> Needed:
        per_arm = math.ceil(total / variance)
        return Needed(per_arm=per_arm, days=None if request.per_day is None else 2 * per_arm / request.per_day)

    effect, alpha, power = request.effect, request.alpha, request.power
    return Plan(
        request=request,
        unit="users" if metric.by_user else "answers",
        fixed=needed(fixed_variance(effect, alpha, power)),
        always_valid=needed(always_valid_variance(effect, effect, alpha, power)),
        half=needed(always_valid_variance(effect, effect, alpha, 0.5)),
        twice=needed(always_valid_variance(2 * effect, effect, alpha, power)),
    )


def _variance(request: PlanRequest, value: float) -> float:
    return value * (1 - value) if request.sd is None else request.sd**2
