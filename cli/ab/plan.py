"""`adapt ab plan`: how much traffic a difference needs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..command import Command
from ..options import FiniteRange, OutputFolder, common_options, gathered
from ..output import emit
from ..render import render_line, render_table

if TYPE_CHECKING:
    from ...abtests.plan import Needed, Plan
    from ...abtests.plan_request import PlanRequest


def _request(**values: Any) -> PlanRequest:
    from ...abtests.plan_request import PlanRequest

    return PlanRequest(**values)


INTERLEAVING = (
    "interleaved lists (adapt serve --interleave) say with fewer searches which arm users prefer: in simulations in which a split needs 5,000 to "
    "50,000, 15 to 63 times fewer where the arms share more than four of five of their first ten items, and 4 to 10 times fewer where less "
    "(adapt ab plan --metric preference)"
)
_ABOVE_0 = FiniteRange(min=0, min_open=True)
_CHANCE = FiniteRange(0, 1, min_open=True, max_open=True)
plan_options = gathered(
    "request",
    _request,
    click.option("--metric", default="ctr", show_default=True, metavar="NAME", help="What decides; of interleaved lists: preference."),
    click.option("--baseline", type=_ABOVE_0, metavar="B", help="Its value today, 0 to 1 for shares; needed unless --metric preference."),
    click.option("--effect", type=_ABOVE_0, required=True, metavar="D", help="The smallest difference that matters, in the metric's unit."),
    click.option("--sd", type=_ABOVE_0, metavar="S", help="The standard deviation of an answer [default: the most that a share can have]."),
    click.option(
        "--per-day",
        type=_ABOVE_0,
        metavar="N",
        help="What is counted, such as answers, or users of conversion: how many a day, both arms together.",
    ),
    click.option(
        "--design-effect",
        type=FiniteRange(min=1),
        default=1.0,
        show_default=True,
        metavar="F",
        help="So many times as much, because a user's answers are alike.",
    ),
    click.option("--power", type=_CHANCE, default=0.8, show_default=True, metavar="P", help="The chance to find the effect."),
    click.option("--alpha", type=_CHANCE, default=0.05, show_default=True, metavar="A", help="The chance to find one where there is none."),
)


@click.command("plan", cls=Command)
@plan_options
@click.option(
    "--keep", type=OutputFolder(), metavar="DIR", help="Keep the plan beside the event log DIR: adapt ab report takes it from there."
)
@common_options
def command(request: PlanRequest, keep: Path | None, json_output: bool, registry_dir: Path | None) -> None:
    """Say how much traffic a test of two arms needs: tested once at the end, and looked at whenever you like.

    Of interleaved lists (--metric preference), 0.05 is five more wins than losses in 100 answers with a click on an arm's item.
    """
    del registry_dir  # every command takes it; nothing of it is read
    from ...abtests.kept_plan import keep_plan, kept_of
    from ...abtests.plan import make_plan

    plan = make_plan(request)
    if keep is not None:
        keep_plan(keep, kept_of(request))
    emit(plan.as_dict(), _text(plan, keep), json_output)


def _text(plan: Plan, kept: Path | None) -> str:
    asked, power = plan.request, f"{plan.request.power:.0%}"
    rows = [
        _row("one test at the end", plan.fixed, f"finds {asked.effect:g} in {power} of tests; looking before is an error"),
        _row("always-valid, any look", plan.always_valid, f"has found {asked.effect:g} by then in {power} or more"),
        _row("", plan.half, f"has found {asked.effect:g} by then in half or more"),
        _row("", plan.twice, f"has found twice that, {2 * asked.effect:g}, by then in {power} or more"),
    ]
    headings = ("test", plan.unit if plan.arms == 1 else f"{plan.unit}, each arm", "days", "what it does")
    start = "" if asked.baseline is None else f" from {asked.baseline:g}"
    title = f"{asked.metric}{start}, a difference of {asked.effect:g}, alpha {asked.alpha:g}"
    return "\n\n".join([render_table(headings, rows, right=headings[1:3], title=title), *map(render_line, _advice(plan, kept))])


def _row(name: str, needed: Needed, says: str) -> tuple[str, ...]:
    return (name, f"{needed.per_arm:,}", "-" if needed.days is None else f"{needed.days:,.1f}", says)


def _advice(plan: Plan, kept: Path | None) -> list[str]:
    asked = plan.request
    metric = "" if plan.arms == 1 else f" --metric {asked.metric}"  # interleaved lists have no other
    lines = [INTERLEAVING] if plan.unit == "answers" else []
    if kept is not None:
        return [*lines, f"the plan is kept: adapt ab report {kept} takes it from there"]
    return [
        *lines,
        f"read it with: adapt ab report DIR{metric} --effect {asked.effect:g}, or keep it beside the log: --keep DIR",
    ]
