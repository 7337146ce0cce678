"""`adapt data stats`: what data hold, and what a base makes of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...choices import MAX_TOKENS
from ..command import Command
from ..completion import BASE, KNOWN_BASE
from ..events import shown
from ..options import Choice, common_options, gathered, machine_options
from ..options.data import source_only
from ..options.types import WholeNumber
from ..output import emit

if TYPE_CHECKING:
    from ...choices import Precision
    from ...datatools.job import ToolRequest
    from ...datatools.statistics.settings import StatsSettings
    from ...references import EncoderSettings, Search


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseOfData:
    """The values of the options of the base that data are held against."""

    base: str | None
    base_as: str | None
    pooling: Any
    max_tokens: int | None
    batch_tokens: int | None
    device: str | None
    dtype: Precision | None

    def search(self, registry_dir: Path | None, language: str) -> Search:
        """Return where the base is looked for."""
        from ...base.resolve import BaseOptions
        from ...references import Search
        from ...registry import open_registry

        options = BaseOptions(settings_of=self.base_as, pooling=self.pooling, language="zh" if language == "zh" else None)
        return Search(registry=open_registry(registry_dir), base=self.base, options=options)

    def settings(self) -> EncoderSettings:
        """Return how vectors are computed."""
        from ...references import EncoderSettings

        return EncoderSettings(
            device=self.device, precision=self.dtype or "auto", max_tokens=self.max_tokens, batch_tokens=self.batch_tokens
        )


base_of_data = gathered(
    "base",
    BaseOfData,
    click.option("--base", type=BASE, metavar="REF", help="Base: an alias, a folder or a Hub id [default: that of the language]."),
    click.option(
        "--base-as", type=KNOWN_BASE, metavar="ALIAS", help="Read a folder with this known base's pooling, instruction and length."
    ),
    click.option("--pooling", type=Choice(["cls", "mean"]), help="Pooling of a base that does not state its own."),
    machine_options,
    click.option(
        "--max-tokens",
        type=WholeNumber(min=8),
        metavar="N",
        help=f"Where texts are cut [default: {MAX_TOKENS}, as in training, and never more than the base reads].",
    ),
    click.option("--batch-tokens", type=WholeNumber(min=1), metavar="N", help="Padded tokens in one batch [default: by device]."),
)
"""Add which base data are held against; the command gets a `BaseOfData` as its argument `base`."""


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
