"""`adapt runs`: training runs that were interrupted, and removing what is kept of them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..plurals import count
from .command import Command, Group
from .completion import RUN
from .options import common_options
from .options.types import Choice, OutputFile
from .output import confirm, emit, reserve_outputs, say

if TYPE_CHECKING:
    from ..pages.words import PageLanguage
    from ..registry.runs import InterruptedRun


_HTML = "--html"


def _page_options(function: Callable[..., None]) -> Callable[..., None]:
    function = click.option("--html-lang", type=Choice(["en", "zh"]), default="en", show_default=True, help="Language of the page.")(
        function
    )
    return click.option(
        _HTML,
        type=OutputFile(),
        metavar="OUT.html",
        help="Write a page of curves: of all these runs, or of the runs and versions that are named.",
    )(function)


class RunsGroup(Group):
    """A group that takes the names of runs and versions in place of a command, where a page is asked for."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is named, or the one that writes a page of what is named."""
        is_page = ctx.params.get("html") is not None or any(arg == _HTML or arg.startswith(f"{_HTML}=") for arg in args)
        if is_page and self.get_command(ctx, args[0]) is None:
            return "page", page_command, args
        return super().resolve_command(ctx, args)


@click.group(cls=RunsGroup, name="runs", invoke_without_command=True, subcommand_metavar="[RUN or REF ...] [COMMAND]")
@_page_options
@common_options
@click.pass_context
def command(ctx: click.Context, html: Path | None, html_lang: PageLanguage, json_output: bool, registry_dir: Path | None) -> None:
    """List the training runs that were interrupted; each goes on with the command that began it and --resume."""
    if ctx.invoked_subcommand is None and html is not None:
        _write_page((), html, html_lang, json_output, registry_dir)
    elif ctx.invoked_subcommand is None:
        from ..registry.runs import list_runs

        runs = list_runs(_home(registry_dir))
        emit({"runs": [run.as_dict() for run in runs]}, _text(runs), json_output)


@click.command(cls=Command, name="page", hidden=True)
@click.argument("words", metavar="[RUN or REF ...]", nargs=-1)
@_page_options
@common_options
@click.pass_context
def page_command(
    ctx: click.Context, words: tuple[str, ...], html: Path | None, html_lang: PageLanguage, json_output: bool, registry_dir: Path | None
) -> None:
    """Write a page of the curves of runs and versions."""
    before = ctx.parent.params if ctx.parent else {}
    path = html or before["html"]
    language = html_lang if html_lang != "en" else before["html_lang"]
    _write_page(words, path, language, json_output or before["json_output"], registry_dir or before["registry_dir"])


def _write_page(words: tuple[str, ...], html: Path, language: PageLanguage, json_output: bool, registry_dir: Path | None) -> None:
    reserve_outputs({_HTML: html}, json_output)
    from ..curves.found import find_curves
    from ..references import Search
    from ..registry import open_registry

    curves = find_curves(words, Search(registry=open_registry(registry_dir)))
    from ..curves.page import write_curves

    write_curves(curves, html, language)
    rows = [{"name": each.name, "state": each.state, "steps": each.points[-1].step if each.points else 0} for each in curves]
    emit({"html": str(html), "curves": rows}, f"{html}: {', '.join(each.name for each in curves)}", json_output)


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
    if ctx.parent and ctx.parent.params.get("html") is not None:
        raise click.UsageError("--html writes a page, and rm removes runs; give one of them")
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
    if run.trials is not None:
        done = f"finished, {run.finished}" if run.finished else f"{run.trials}/{run.trials_of or '?'} trials"
        return f"{done}, under way" if run.is_running else done
    step = "?" if run.step is None else f"{run.step}/{run.steps}" if run.steps else str(run.step)
    return f"{step}, under way" if run.is_running else step
