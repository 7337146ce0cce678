"""`adapt verify`: hold the registry's files against their hashes."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..plurals import count
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
    emit(report.as_dict(), _text(report), json_output)
    if not report.is_clean:
        click.get_current_context().exit(1)


def _text(report: "VerifyReport") -> str:
    from .render import render_line

    problems = count(len(report.problems), "problem") if report.problems else "no problems"
    lines = [f"{count(report.versions, 'version')} with {count(report.files, 'file')} checked: {problems}"]
    for problem in report.problems:
        lines.append(render_line(f"{problem.kind}: {problem.where} {problem.detail}" + (f"; {problem.fixed}" if problem.fixed else "")))
    if fixable := [problem for problem in report.unfixed if problem.is_fixable]:
        what = "it" if len(report.unfixed) == 1 else "them all" if len(fixable) == len(report.unfixed) else f"{len(fixable)} of them"
        lines.append(f"to mend {what}: adapt verify --fix")
    return "\n".join(lines)
