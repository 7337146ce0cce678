"""What `adapt sweep` says of a plan and of its trials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..plurals import count
from .render import render_table

if TYPE_CHECKING:
    from ..sweeps import SweepOutcome
    from ..sweeps.plan import SweepPlan

MOST_ROWS = 10


def plan_text(plan: SweepPlan) -> str:
    """Return what a sweep will do, for people."""
    run = plan.of_trial.run
    lines = [
        f"base      {plan.of_trial.base.name} on {plan.of_trial.device}",
        f"data      {plan.of_trial.source}: {count(run.queries, 'query')}, {count(run.pairs, 'pair')}, {count(run.passages, 'passage')}",
        *(f"          {line}" for line in run.dev.splitlines()),
        f"trials    {plan.trials}, compared by dev {plan.metric}, {plan.processes} at a time",
        *(f"tried     {each.name}: {each.describe()}" for each in plan.space.dimensions),
        f"steps     {run.steps} of the first trial, about {plan.of_trial.seconds / 60:.1f} minutes; of all, about {plan.seconds / 60:.0f} minutes at most",
        f"adapter   of the first trial {run.parameters:,} numbers, about {run.file_bytes / 1e6:.1f} MB",
        *_before(plan),
        *(f"warning   {warning}" for warning in run.warnings),
    ]
    return "\n".join(lines)


def _before(plan: SweepPlan) -> list[str]:
    if plan.before is None:
        return []
    finished = plan.before.get("finished")
    state = f"finished, as {finished}" if finished else "interrupted"
    return [f"resume    a sweep of this command is there, {state}, {plan.before['trials']} trials done: {plan.folder.name}"]


def outcome_text(outcome: SweepOutcome) -> str:
    """Return what a sweep has given, for people."""
    names = [each.name for each in outcome.space.dimensions if any(each.name in trial.settings for trial in outcome.trials)]
    shown = outcome.trials[:MOST_ROWS]
    from ..sweeps.records import describe_value

    rows = [
        (
            str(each.number),
            "" if each.score is None else f"{each.score:.4f}",
            each.state,
            *(describe_value(each.settings[name]) if name in each.settings else "" for name in names),
        )
        for each in shown
    ]
    table = render_table(("trial", outcome.metric, "state", *names), rows, right=["trial", outcome.metric])
    more = len(outcome.trials) - len(shown)
    return "\n".join(
        [
            table,
            *([f"and {more} more"] if more else []),
            "",
            *_importances(outcome),
            *([f"stopped: {outcome.until} holds"] if outcome.is_settled else []),
            outcome.entry.reference,
            _score(outcome),
            f"adapter      {outcome.path}",
        ]
    )


def _importances(outcome: SweepOutcome) -> list[str]:
    if not outcome.importances:
        return []
    return ["what mattered: " + ", ".join(f"{name} {share:.0%}" for name, share in outcome.importances.items())]


def _score(outcome: SweepOutcome) -> str:
    after, before = outcome.best.score, outcome.before
    if after is None or before is None:
        return f"dev {outcome.metric}"
    return (
        f"dev {outcome.metric}  {before:.4f} -> {after:.4f} ({after - before:+.4f}), trial {outcome.best.number} of {len(outcome.trials)}"
    )
