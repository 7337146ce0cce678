"""What `adapt pretrain` says of a plan and of what was trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..plurals import count, format_size

if TYPE_CHECKING:
    from ..adapters.pretraining import PretrainOutcome
    from ..adapters.pretraining.outcome import PretrainPlan


def plan_text(plan: PretrainPlan) -> str:
    """Return what a job will do, for people."""
    base = plan.base
    lines = [
        f"base      {base.name} on {plan.device}",
        *([f"          (the embedded one), because {base.fallback_reason}"] if base.fallback_reason else []),
        f"texts     {plan.source}: {count(plan.texts, 'text')} in {count(plan.pieces, 'piece')}, {plan.held_out:,} held out",
        *(f"          {note}" for note in plan.notes),
        f"steps     {plan.steps}, of which the first {plan.head_steps} train the head alone; about {plan.seconds / 60:.1f} minutes",
        f"adapter   {plan.parameters:,} numbers, about {plan.file_bytes / 1e6:.1f} MB",
        *([f"resume    an interrupted run of this command is there, {plan.interrupted}"] if plan.interrupted else []),
        *(f"warning   {warning}" for warning in plan.warnings),
    ]
    return "\n".join(lines)


def outcome_text(outcome: PretrainOutcome) -> str:
    """Return what was trained, for people."""
    told, run = outcome.as_dict(), outcome.result.run
    held = told["held_out"]
    early = f", stopped early after {count(run.steps, 'step')}" if run.stopped_early else ""
    lines = [f"held-out {held['metric']}  {held['before']:.4f} -> {held['after']:.4f} ({held['after'] - held['before']:+.4f}){early}"]
    if outcome.entry is None:
        return "\n".join([*lines, "nothing is written"])
    start = f"start from it: adapt train --domain {outcome.entry.domain} --init-from {outcome.entry.reference}"
    return "\n".join([outcome.entry.reference, *lines, f"adapter      {outcome.path}", f"size         {format_size(told['bytes'])}", start])
