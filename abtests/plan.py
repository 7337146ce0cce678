"""How much traffic a test needs: tested once at the end, or looked at whenever one likes."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from .measures.metrics import measure_named
from .plan_request import PlanRequest, moved_by_effect
from .statistics.remaining import always_valid_variance, fixed_variance


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
    values = _variances(request)
    total = sum(values) * request.design_effect

    def needed(variance: float) -> Needed:
        per_arm = math.ceil(total / variance)
        return Needed(per_arm=per_arm, days=None if request.per_day is None else len(values) * per_arm / request.per_day)

    effect, alpha, power = request.effect, request.alpha, request.power
    return Plan(
        request=request,
        unit=measure_named(request.metric).counted,
        arms=len(values),
        fixed=needed(fixed_variance(effect, alpha, power)),
        always_valid=needed(always_valid_variance(effect, effect, alpha, power)),
        half=needed(always_valid_variance(effect, effect, alpha, 0.5)),
        twice=needed(always_valid_variance(2 * effect, effect, alpha, power)),
    )


def _variances(request: PlanRequest) -> list[float]:
    """Return the variance of an answer in each arm; of an interleaved one, whose sign is the difference already, one."""
    if request.baseline is None:
        return [1.0 if request.sd is None else request.sd**2]
    values = (request.baseline, moved_by_effect(request, request.baseline))
    return [value * (1 - value) if request.sd is None else request.sd**2 for value in values]
