"""`adapt data clean`: faults in texts mended, bad rows dropped, odd ones told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..command import Command
from ..events import shown
from ..options import common_options
from ..options.cleaning import clean_options
from ..options.data import tool_options
from ..output import emit
from .text import describe_report

if TYPE_CHECKING:
    from ...datatools.cleaning import CleanSettings
    from ...datatools.job import ToolRequest


def _rules() -> str:
    from ...datatools.cleaning.table import RULES

    lines = (f"{name} ({'off' if name == 'script' else rule.effect}): {rule.what}." for name, rule in RULES.items())
    return "\n\n".join(("Rules, and what is done about what they find:", *lines))


@click.command("clean", cls=Command, epilog=_rules())
@tool_options
@clean_options
@common_options
def command(request: ToolRequest, settings: CleanSettings, json_output: bool, **_: Any) -> None:
    """Mend the texts of DATA, drop pairs that would teach something wrong, and tell what looks odd.

    Ids stay. Numbers, units, article numbers and negations never change. Rows of dev and test are never dropped.
    """
    from ...datatools.cleaning.job import clean_source

    with shown() as events:
        report = clean_source(request, settings, events)
    emit(report.as_dict(), describe_report(report), json_output)
