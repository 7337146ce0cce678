"""`adapt data split`: train, dev and test that share nothing of what is named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..command import Command
from ..events import shown
from ..options import Choice, common_options, gathered
from ..options.data import tool_options
from ..options.gather import Decorator
from ..options.types import FiniteRange, WholeNumber
from ..output import emit
from .text import describe_report

if TYPE_CHECKING:
    from ...datatools.job import ToolRequest
    from ...datatools.splitting.settings import SplitSettings


def _settings(**values: Any) -> SplitSettings:
    from ...datatools.splitting.settings import SplitSettings

    return SplitSettings(**values)


def _share(option: str) -> Decorator:
    return click.option(
        option,
        type=FiniteRange(min=0),
        default=0.1,
        show_default=True,
        metavar="SHARE",
        help="Of the queries; 1 or more: so many; 0: none.",
    )


split_options = gathered(
    "settings",
    _settings,
    click.option(
        "--by",
        type=Choice(["component", "query", "document", "group", "time"]),
        default="component",
        show_default=True,
        help="What no two splits share: queries joined by a text or a positive, a query's text, a positive passage, a group; time: the latest go to test.",
    ),
    _share("--dev"),
    _share("--test"),
    click.option("--seed", type=WholeNumber(min=0), default=0, show_default=True, metavar="N", help="Of what is drawn."),
    click.option("--resplit", is_flag=True, help="Join a dev split that DATA has with train, and divide anew."),
    click.option(
        "--undated",
        type=Choice(["refuse", "train", "drop"]),
        default="refuse",
        show_default=True,
        help="With --by time: what becomes of queries without a time.",
    ),
)
"""Add how data are divided; the command gets a `SplitSettings` as its argument `settings`."""


@click.command("split", cls=Command)
@tool_options
@split_options
@common_options
def command(request: ToolRequest, settings: SplitSettings, json_output: bool, **_: Any) -> None:
    """Divide DATA into train, dev and test, and write them as a folder of pair lines with the whole corpus.

    adapt train --data OUT trains on train and chooses by dev; adapt bench REF --data OUT scores on test.
    """
    from ...datatools.splitting.job import split_source

    with shown() as events:
        report = split_source(request, settings, events)
    emit(report.as_dict(), describe_report(report), json_output)
