"""`adapt import`: a version out of an archive that `adapt export` wrote."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..plurals import count
from .command import Command
from .completion import NAME
from .events import shown
from .options import common_options
from .options.encoder import BaseChoice, base_choice
from .output import emit, say

if TYPE_CHECKING:
    from ..publish.archive.import_job import ImportReport


@click.command(name="import", cls=Command)
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--name", type=NAME, help="Its name in the registry [default: the one that it had].")
@click.option("--strict", is_flag=True, help="Refuse a version whose base is not on this machine.")
@click.option("--dry-run", is_flag=True, help="Check the archive, tell what it holds, and register nothing.")
@base_choice
@common_options
def command(
    file: Path,
    name: str | None,
    strict: bool,
    dry_run: bool,
    base: BaseChoice,
    json_output: bool,
    registry_dir: Path | None,
) -> None:
    """Register the version in FILE, an archive that `adapt export` wrote; - is the standard input.

    Every file in it is checked before anything is registered. The members of an ensemble come with it.
    """
    from ..publish.archive.import_job import ImportRequest, prepared_import

    source: Any = sys.stdin.buffer if str(file) == "-" else file
    if source is not file and sys.stdin.isatty():
        raise click.UsageError("an archive does not come from a terminal; give the name of a file, or send it through a pipe")
    request = ImportRequest(source=source, name=name, where=base.search(registry_dir), strict=strict)
    with shown() as events, prepared_import(request, events) as job:
        report = job.plan() if dry_run else job.run()
    _tell_missing(report)
    emit(report.as_dict(), _text(report, dry_run), json_output)


def _tell_missing(report: ImportReport) -> None:
    for base in report.missing:
        say(
            f"note: unchecked: the base {base.label} (sha256 {base.sha256[:12]}...) is not on this machine; the version is held against it when "
            "it is first used"
        )


def _text(report: ImportReport, dry_run: bool) -> str:
    from ..plurals import format_size

    entry = report.entry
    what = f"{entry.reference}: {entry.kind} on {entry.base_labels}, {count(len(entry.files), 'file')}, {format_size(entry.size)}"
    if report.same is not None:
        return f"{what}, is here already; nothing was added"
    if dry_run:
        return f"{what}; nothing was registered"
    members = [each.reference for each in report.added[:-1]]
    return f"{what}, in {report.path}" + (f"\nwith it: {', '.join(members)}" if members else "")
