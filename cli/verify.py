"""`adapt verify`: hold the registry's files against their hashes."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .command import Command
from .options import common_options
from .output import emit

if TYPE_CHECKING:
    from ..registry import VerifyReport


@click.command(name="verify", cls=Command)
@click.option(
    "--fix", is_flag=True, help="Remove what killed commands left, and index entries without files; damaged versions are only told."
)
@common_options
def command(fix: bool, json_output: bool, registry_dir: Path | None) -> None:
    """Check every file of the registry against its sha256. The exit code is 1 while a problem is left."""
    from ..registry import open_registry

    report = open_registry(registry_dir).verify(fix)
    result = {
        "versions": report.versions,
        "files": report.files,
        "is_clean": report.is_clean,
        "problems": [asdict(problem) for problem in report.problems],
    }
    emit(result, _text(report, fix), json_output)
    if not report.is_clean:
        click.get_current_context().exit(1)


def _text(report: "VerifyReport", fix: bool) -> str:
    lines = [
        f"{report.versions} version{'' if report.versions == 1 else 's'} with {report.files} files checked: {len(report.problems) or 'no'} problem{'' if len(report.problems) == 1 else 's'}"
    ]
    for problem in report.problems:
        lines.append(f"{problem.kind}: {problem.where} {problem.detail}" + (f"; {problem.fixed}" if problem.fixed else ""))
    if report.unfixed and not fix:
        lines.append("to remove leftovers, orphans and entries without files: adapt verify --fix")
    return "\n".join(lines)
