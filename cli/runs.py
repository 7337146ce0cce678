"""`adapt runs`: training runs that were interrupted, and removing what is kept of them."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..plurals import count
from .command import Group
from .completion import RUN
from .options import common_options
from .output import emit, say

if TYPE_CHECKING:
    from ..registry.runs import InterruptedRun


@click.group(cls=Group, name="runs", invoke_without_command=True)
@common_options
@click.pass_context
def command(ctx: click.Context, json_output: bool, registry_dir: Path | None) -> None:
    """List the training runs that were interrupted; each goes on with the command that began it and --resume."""
    if ctx.invoked_subcommand is None:
        runs = _runs(registry_dir)
        emit({"runs": [run.as_dict() for run in runs]}, _text(runs), json_output)


@command.command("rm")
@click.argument("ids", metavar="ID...", type=RUN, nargs=-1)
@click.option("--all", "every", is_flag=True, help="Remove all that are not under way.")
@click.option("--yes", is_flag=True, help="Do not ask, as --all does in a terminal.")
@common_options
@click.pass_context
def rm_command(ctx: click.Context, ids: tuple[str, ...], every: bool, yes: bool, json_output: bool, registry_dir: Path | None) -> None:
    """Remove what is kept of interrupted runs, after saying which.

    ID is as `adapt runs` prints it, or its beginning.
    """
    if bool(ids) == every:
        raise click.UsageError("name the runs to remove (adapt runs lists them), or say --all")
    from ..plurals import format_size
    from ..registry.runs import find_run, remove_run

    registry_dir = registry_dir or (ctx.parent.params["registry_dir"] if ctx.parent else None)
    home = _home(registry_dir)
    chosen = list({run.id: run for run in (_idle(registry_dir) if every else [find_run(home, text) for text in ids])}.values())
    for run in chosen:
        say(f"{run.id}: {_describe(run)}")
    if every and chosen and not yes and sys.stdin.isatty():
        click.confirm(f"Remove {count(len(chosen), 'interrupted run')}?", abort=True, err=True)
    for run in chosen:
        remove_run(run)
    size = sum(run.size for run in chosen)
    text = f"removed {count(len(chosen), 'interrupted run')}, {format_size(size)}"
    emit({"removed": [run.id for run in chosen], "freed_bytes": size}, text, json_output)


def _home(registry_dir: Path | None) -> Path:
    from ..registry import open_registry

    return open_registry(registry_dir).home


def _runs(registry_dir: Path | None) -> list[InterruptedRun]:
    from ..registry.runs import list_runs

    return list_runs(_home(registry_dir))


def _idle(registry_dir: Path | None) -> list[InterruptedRun]:
    runs = _runs(registry_dir)
    for run in runs:
        if run.is_running:
            say(f"{run.id} is under way, and is left")
    return [run for run in runs if not run.is_running]


def _text(runs: list[InterruptedRun]) -> str:
    from ..plurals import format_size
    from .render import render_table

    if not runs:
        return "no interrupted runs"
    rows = [
        (run.id, run.name or "", run.domain or "", run.base or "", run.data or "", _step(run), _age(run), format_size(run.size))
        for run in runs
    ]
    return render_table(("run", "name", "domain", "base", "data", "step", "last written", "size"), rows, right=["size"])


def _step(run: InterruptedRun) -> str:
    if run.of is not None:
        return f"group of {count(run.of, 'seed')}"
    step = "?" if run.step is None else f"{run.step}/{run.steps}" if run.steps else str(run.step)
    return f"{step}, under way" if run.is_running else step


def _describe(run: InterruptedRun) -> str:
    what = ", ".join(part for part in (run.name, run.domain and f"domain {run.domain}", run.base and f"on {run.base}") if part)
    return f"{what or 'a run of which no more is known'}, {run.describe_progress()}, last written {_age(run)}"


def _age(run: InterruptedRun) -> str:
    """Say how long ago a run's state was written."""
    seconds = max(0, int((datetime.now(UTC) - datetime.fromisoformat(run.updated)).total_seconds()))
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            return f"{count(seconds // length, unit)} ago"
    return f"{count(seconds, 'second')} ago"
