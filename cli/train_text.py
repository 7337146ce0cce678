"""What `adapt train` says of a plan and of what was trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..plurals import count
from .render import format_dev

if TYPE_CHECKING:
    from ..adapters.job import JobPlan, TrainedVersion, TrainOutcome


def plan_text(plan: JobPlan) -> str:
    """Return what a job will do, for people."""
    run, base, seeds = plan.run, plan.base, plan.seeds
    lines = [
        f"base      {base.name} on {plan.device}",
        *([f"          (the embedded one), because {base.fallback_reason}"] if base.fallback_reason else []),
        f"data      {plan.source}: {count(run.queries, 'query')}, {count(run.pairs, 'pair')}, {count(run.passages, 'passage')}",
        *(f"          {note}" for note in plan.notes),
        *(f"          {line}" for line in run.dev.splitlines()),
        f"steps     {run.steps}, about {plan.seconds / 60:.1f} minutes",
        f"{'model  ' if plan.config.keep == 'model' else 'adapter'}   {run.parameters:,} numbers, about {run.file_bytes / 1e6:.1f} MB",
        *([f"memory    {run.describe_memory()}"] if run.memory_bytes >= 1e8 else []),
        *([f"frozen    {run.frozen.describe()}"] if run.frozen else []),
        *([f"corpus    {plan.corpus.describe()}", *(f"          {line}" for line in plan.corpus.lines())] if plan.corpus else []),
        *([f"grams     {plan.grams.describe()}"] if plan.grams else []),
        *([f"seeds     {seeds[0]} to {seeds[-1]}: {len(seeds)} times these steps, minutes and bytes"] if len(seeds) > 1 else []),
        *_resume_lines(plan),
        *(f"warning   {warning}" for warning in run.warnings),
    ]
    return "\n".join(lines)


def outcome_text(outcome: TrainOutcome) -> str:
    """Return what was trained, for people."""
    if len(outcome.versions) == 1:
        return _version_text(outcome.versions[0])
    entries = [each.entry for each in outcome.versions if each.entry]
    dev, spread = outcome.versions[0].dev, outcome.spread
    lines = [
        f"{each.entry.reference if each.entry else 'in memory'}  seed {each.config.seed}  {format_dev(each.dev) or 'no dev split'}"
        for each in outcome.versions
    ]
    if spread and dev:
        mean = (
            f"dev {dev.metric} {spread.mean:.4f} ± {spread.deviation:.4f} (standard deviation), {spread.least:.4f} to {spread.greatest:.4f}"
        )
        lines.append(f"{len(outcome.versions)} seeds: {mean}")
    if entries:
        lines.append(f"one adapter of them all: adapt merge {' '.join(entry.reference for entry in entries)} --name {entries[0].name}")
    return "\n".join(lines)


def _resume_lines(plan: JobPlan) -> list[str]:
    """Say what --resume goes on with, or would."""
    from ..adapters.job.seed_run import NOTHING_TO_RESUME

    if not plan.interrupted:
        return [f"resume    {NOTHING_TO_RESUME}"] if plan.resume else []
    runs = "; ".join((f"seed {each.seed}: " if len(plan.seeds) > 1 else "") + each.progress for each in plan.interrupted)
    then = "goes on with" if plan.resume else "starts anew, and would with --resume go on with"
    return [f"resume    {then} the interrupted run, {runs}"]


def _version_text(version: TrainedVersion) -> str:
    from ..lora.kept_energy import describe_shares

    result = version.as_dict()
    lines = [
        *([version.entry.reference] if version.entry else []),
        _score_line(version),
        *(
            f"{name}  {each.before:.4f} -> {each.after:.4f}"
            for name, each in version.beside.items()
            if None not in (each.before, each.after)
        ),
        *([f"kept         {describe_shares(version.energy)}"] if version.energy else []),
        *(
            [f"{'model  ' if version.is_model else 'adapter'}      {version.path}", f"size         {result['bytes'] / 1e6:.2f} MB"]
            if version.entry
            else ["nothing is written"]
        ),
        *([_grams_line(result["grams"])] if result["grams"] else []),
    ]
    return "\n".join(lines)


def _score_line(version: TrainedVersion) -> str:
    from ..metrics import NDCG_10

    dev, result = version.dev, version.result
    early = f", stopped early after {count(result.steps, 'step')}" if result and result.stopped_early else ""
    if dev is None or dev.before is None or dev.after is None:
        return f"dev {NDCG_10}  none (no dev split){early}"
    return f"dev {dev.metric}  {dev.before:.4f} -> {dev.after:.4f} ({dev.after - dev.before:+.4f}){early}"


def _grams_line(grams: dict[str, Any]) -> str:
    error = grams["error"]
    return (
        f"grams        {grams['bytes'] / 1e6:.2f} MB, {grams['tokens']} tokens, relative error mean {error['mean']:.4f}, "
        f"worst {error['worst']:.4f} ({error['worst_module']})"
    )
