"""The options of `adapt serve` for searches: what is searched, what is compared, and what is written down."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .gather import gathered
from .types import Choice, WholeNumber

if TYPE_CHECKING:
    from ...serve.search.options import SearchOptions

_PATH = click.Path(path_type=Path)


def _options(**values: Any) -> SearchOptions:
    from ...serve.search.options import SearchOptions

    return SearchOptions(**values)


searching_options = gathered(
    "searching",
    _options,
    click.option("--index", type=_PATH, metavar="DIR", help="Index that POST /search searches, as adapt index build makes it."),
    click.option(
        "--index-of", multiple=True, metavar="REF=DIR", help="Index that a reference made itself, which it searches in place of --index."
    ),
    click.option("--texts", type=_PATH, metavar="FILE", help="Corpus whose titles and texts are told with the items."),
    click.option("--split", metavar="REF=SHARE,...", help="Give each user one of these arms, always the same, by these shares."),
    click.option("--interleave", metavar="REF,...", help="Give each search one list of the results of all these arms."),
    click.option("--explore", metavar="SHARE", help="Swap neighbours in this share of the answers, such as 1%, to measure position bias."),
    click.option("--events", type=_PATH, metavar="DIR", help="Write what is searched, shown, clicked and bought to this log."),
    click.option("--keep-days", type=WholeNumber(min=1), metavar="N", help="Delete the log's files of days further back."),
    click.option(
        "--fsync", type=Choice(["interval", "each"]), help="When the log reaches the disk: every 100 ms, or each line [default: interval]."
    ),
    click.option("--event-window", metavar="TIME", help="How long after an answer its events are taken, such as 30m or 7d [default: 24h]."),
)
"""Add the options to a command, which gets them as one argument `searching`."""
