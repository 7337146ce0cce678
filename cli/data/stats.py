"""`adapt data stats`: what data hold, and what a base makes of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..command import Command
from ..events import shown
from ..options import common_options, gathered
from ..options.data import source_only
from ..options.data_base import BaseOfData, base_of_data
from ..options.types import WholeNumber
from ..output import emit

if TYPE_CHECKING:
    from ...datatools.job import ToolRequest
    from ...datatools.statistics.settings import StatsSettings


def _settings(**values: Any) -> StatsSettings:
    from ...datatools.statistics.settings import StatsSettings

    return StatsSettings(**values)


stats_options = gathered(
    "settings",
    _settings,
    click.option(
        "--vectors/--no-vectors",
        "vectors",
        default=True,
        show_default=True,
        help="Embed queries and corpus: clusters, and what the base finds. Without, no network runs.",
    ),
    click.option("--clusters", type=WholeNumber(min=2), metavar="N", help="Of queries, and of the corpus [default: by their number]."),
    click.option(
        "--most-queries",
        type=WholeNumber(min=1),
        default=20_000,
        show_default=True,
        metavar="N",
        help="Of more train queries, embed so many.",
    ),
    click.option("--seed", type=WholeNumber(min=0), default=0, show_default=True, metavar="N", help="Of clusters and of what is drawn."),
)


@click.command("stats", cls=Command)
@source_only
@stats_options
@click.option(
    "--balance",
    type=click.Path(path_type=Path),
    metavar="OUT",
    help="Write DATA with weights that let the clusters of queries count alike: a .jsonl file of pair lines, or a new folder.",
)
@base_of_data
@common_options
def command(
    request: ToolRequest, settings: StatsSettings, balance: Path | None, base: BaseOfData, json_output: bool, registry_dir: Path | None
) -> None:
    """Say what DATA hold: counts, lengths, overlap, words that the base breaks, clusters, and how hard the base finds the answers.

    A test split that lies beside them is counted and compared with the others, and used for nothing else.
    """
    from ...datatools.statistics.job import StatsRequest, measure_source
    from .stats_text import stats_text

    wanted = StatsRequest(
        data=replace(request, out=balance),
        where=base.search(registry_dir, request.language),
        encoder=base.settings(),
        settings=settings,
    )
    with shown() as events:
        measured = measure_source(wanted, events)
    emit(measured.as_dict(), stats_text(measured), json_output)
