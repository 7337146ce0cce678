"""`adapt runs`: training runs that were interrupted, and removing what is kept of them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..plurals import count
from .command import Group
from .completion import RUN
from .options import common_options
from .output import confirm, emit, say

if TYPE_CHECKING:
    from ..registry.runs import InterruptedRun


@click.group(cls=Group, name="runs", invoke_without_command=True)
@common_options
@click.pass_context
def command(ctx: click.Context, json_output: bool, registry_dir: Path | None) -> None:
    """List the training runs that were interrupted; each goes on with the command that began it and --resume."""
    if ctx.invoked_subcommand is None:
        from ..registry.runs import list_runs

        runs = list_runs(_home(registry_dir))
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
    from ..registry.runs import find_run, list_runs, remove_run

    registry_dir = registry_dir or (ctx.parent.params["registry_dir"] if ctx.parent else None)
    home = _home(registry_dir)
    found = list_runs(home) if every else [find_run(home, text) for text in ids]
    for run in found:
        if every and run.is_running:
            say(f"{run.id} is under way, and is left")
    chosen = list({run.id: run for run in found if not (every and run.is_running)}.values())
    for run in chosen:
        say(f"{run.id}: {run.describe()}")
    if every and chosen and not yes and sys.stdin.isatty():
        confirm(f"Remove {count(len(chosen), 'interrupted run')}?", "nothing was removed")
    for run in chosen:
        remove_run(run)
    size = sum(run.size for run in chosen)
    text = f"removed {count(len(chosen), 'interrupted run')}, {format_size(size)}"
    emit({"removed": [run.id for run in chosen], "freed_bytes": size}, text, json_output)


def _home(registry_dir: Path | None) -> Path:
    from ..registry import open_registry

    return open_registry(registry_dir).home


def _text(runs: list[InterruptedRun]) -> str:
    from ..plurals import format_size
    from .render import render_table

    if not runs:
        return "no interrupted runs"
    rows = [
        (run.id, run.name or "", run.domain or "", run.base or "", run.data or "", _step(run), run.age, format_size(run.size))
        for run in runs
    ]
    return render_table(("run", "name", "domain", "base", "data", "step", "last written", "size"), rows, right=["size"])


def _step(run: InterruptedRun) -> str:
    if run.of is not None:
        return f"group of {count(run.of, 'seed')}"
    step = "?" if run.step is None else f"{run.step}/{run.steps}" if run.steps else str(run.step)
    return f"{step}, under way" if run.is_running else step
