"""How a test is tuned: by the plan that is kept beside the log, by what was said, or by defaults; never by the data."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from ..experiment.record import Experiment
from ..kept_plan import KeptPlan, read_plan
from ..measures.metrics import metric_named
from ..measures.preference import EFFECT
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
    """
    plan, others = read_plan(request.folder), len(experiment.arms) - 1
    metric = request.metric or (plan.metric if plan else "ctr")
    effect = request.effect or _planned_effect(plan, metric, experiment)
    alpha = (request.alpha or (plan.alpha if plan else 0.05)) / others
    flags = [
        *([flag("other plan", planned=_listed(plan))] if plan and _is_other(request, plan) else []),
        *([flag("default effect")] if effect is None else []),
        *([flag("arms", arms=others, alpha=alpha)] if others > 1 else []),
    ]
    default = metric_named(metric).effect if experiment.kind == "split" else EFFECT
    return Tuning(
        metric=metric,
        effect=default if effect is None else effect,
        alpha=alpha,
        power=request.power or (plan.power if plan else 0.8),
        is_default=effect is None,
        flags=tuple(flags),
    )


def _planned_effect(plan: KeptPlan | None, metric: str, experiment: Experiment) -> float | None:
    """Return the plan's effect where it speaks of what decides: a metric's effect is not one of preference."""
    return plan.effect if plan and plan.metric == metric and experiment.kind == "split" else None


def _is_other(request: ReportRequest, plan: KeptPlan) -> bool:
    return any(getattr(request, name) not in (None, planned) for name, planned in asdict(plan).items() if name != "power")


def _listed(plan: KeptPlan) -> str:
    return f"{plan.metric}, effect {plan.effect:g}, alpha {plan.alpha:g}"
