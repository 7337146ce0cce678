"""`adapt data export`: data in another form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..command import Command
from ..events import shown
from ..options import Choice, common_options
from ..options.data import tool_options
from ..output import emit
from .text import describe_report

if TYPE_CHECKING:
    from ...datatools.job import ToolRequest


@click.command("export", cls=Command)
@tool_options
@click.option(
    "--to",
    "form",
    type=Choice(["lines", "beir"]),
    default="lines",
    show_default=True,
    help="Pair lines, which keep all but grades above 1, or a BEIR folder, which other tools read.",
)
@common_options
def command(request: ToolRequest, form: str, json_output: bool, **_: Any) -> None:
    """Write DATA in another form, with a line for all that it has no place for."""
    from ...datatools.exporting import export_data

    with shown() as events:
        report = export_data(request, form, events)
    emit(report.as_dict(), describe_report(report), json_output)
