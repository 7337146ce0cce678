"""How a test is tuned: by the plan that is kept beside the log, by what was said, or by defaults; never by the data."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import RequestError
from ..experiment.record import Experiment
from ..kept_plan import KeptPlan, read_plan
from ..measures.measure import PREFERENCE
from ..measures.metrics import METRIC_NAMES, measure_named
from ..plan_request import check_chances
from .figures import Flag
from .flags import flag
from .request import ReportRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """The metric that decides, the smallest difference that matters (tau), the level of one comparison, the power, and what is told of them."""

    metric: str
    effect: float
    alpha: float
    power: float
    is_default: bool
    flags: tuple[Flag, ...]


def tune(request: ReportRequest, experiment: Experiment) -> Tuning:
    """Return how a test is tuned.

    Raises:
        DataError: the kept plan is damaged.
        RequestError: a split is to be decided by preference, or the power is not above alpha.
    """
    plan, others = read_plan(request.folder), len(experiment.arms) - 1
    speaks = plan is not None and (plan.metric == PREFERENCE.name) == (experiment.kind == "interleave")
    metric = _metric(request, plan.metric if plan and speaks else "ctr", experiment)
    effect = request.effect or (plan.effect if plan and plan.metric == metric else None)
    alpha, power = request.alpha or (plan.alpha if plan else 0.05), request.power or (plan.power if plan else 0.8)
    check_chances(alpha, power)
    flags = [
        *([flag("other plan", planned=_listed(plan))] if plan and _is_other(request, metric, plan, speaks) else []),
        *([flag("default effect")] if effect is None else []),
        *([flag("arms", arms=others, alpha=alpha / others)] if others > 1 else []),
    ]
    return Tuning(
        metric=metric,
        effect=measure_named(metric).effect if effect is None else effect,
        alpha=alpha / others,
        power=power,
        is_default=effect is None,
        flags=tuple(flags),
    )


def _metric(request: ReportRequest, planned: str, experiment: Experiment) -> str:
    """Return what decides; a plan for the other kind of experiment, which may be in the same log, says nothing of it."""
    if experiment.kind == "interleave":
        return PREFERENCE.name
    if request.metric == PREFERENCE.name:
        raise RequestError(
            f"the experiment {experiment.id} is a split, and preference is of interleaved lists; expected {', '.join(METRIC_NAMES)}"
        )
    return request.metric or planned


def _is_other(request: ReportRequest, metric: str, plan: KeptPlan, speaks: bool) -> bool:
    differs = request.alpha not in (None, plan.alpha)
    return differs or (speaks and (metric != plan.metric or request.effect not in (None, plan.effect)))


def _listed(plan: KeptPlan) -> str:
    return f"{plan.metric}, effect {plan.effect:g}, alpha {plan.alpha:g}"
