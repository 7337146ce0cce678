"""`adapt base compare`: candidate bases side by side on one set of data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from ..plurals import count, format_size
from .command import Command
from .completion import BASE, DOMAIN_OR_FILE, SOURCE
from .events import shown
from .options import Choice, common_options, gathered, machine_options
from .options.reading import read_options, reading_options
from .options.types import WholeNumber
from .output import emit

if TYPE_CHECKING:
    from ..choices import Precision
    from ..datatools.comparing.compare import BaseScores, Comparison
    from ..datatools.job import ToolRequest


def _data(
    *, source: Sequence[str], domain: str | None, lang: str, columns: Sequence[str], encoding: str | None, sheet: str | None, skip_bad: bool
) -> ToolRequest:
    from ..data.source_words import name_sources
    from ..datatools.job import ToolRequest

    read = read_options(columns=columns, encoding=encoding, sheet=sheet, skip_bad=skip_bad)
    return ToolRequest(source=name_sources(source), out=None, language=lang, domain=domain or "data", read=read)


compared_data = gathered(
    "data",
    _data,
    click.option(
        "--data",
        "source",
        type=SOURCE,
        required=True,
        multiple=True,
        metavar="SRC",
        help="What adapt train --data takes; its dev split is scored.",
    ),
    click.option("--domain", type=DOMAIN_OR_FILE, metavar="D", help="Whose sample is meant, where SRC is `sample`."),
    click.option("--lang", type=Choice(["en", "zh"]), default="en", show_default=True, help="The language of that sample."),
    *reading_options,
)
"""Add what bases are compared on; the command gets a `ToolRequest` as its argument `data`."""


@click.command("compare", cls=Command, short_help="Score candidate bases on your data: what they find, speed, size.")
@click.argument("bases", metavar="BASE...", nargs=-1, required=True, type=BASE)
@compared_data
@click.option("--pooling", type=Choice(["cls", "mean"]), help="Pooling of bases that do not state their own.")
@click.option("--seed", type=WholeNumber(min=0), default=0, show_default=True, metavar="N", help="Of queries that are drawn.")
@machine_options
@click.option("--max-tokens", type=WholeNumber(min=8), metavar="N", help="Where texts are cut [default: as in training].")
@click.option("--batch-tokens", type=WholeNumber(min=1), metavar="N", help="Padded tokens in one batch [default: by device].")
@common_options
def compare_command(
    bases: tuple[str, ...],
    data: ToolRequest,
    pooling: Any,
    seed: int,
    device: str | None,
    dtype: Precision | None,
    max_tokens: int | None,
    batch_tokens: int | None,
    json_output: bool,
    **_: Any,
) -> None:
    """Score BASEs that lie here on the dev split of the data: recall, nDCG@10, queries and passages a second, size.

    A base is an alias, a folder or a Hub id; nothing is fetched. Without a dev split, train queries are drawn.
    """
    from ..base.resolve import BaseOptions
    from ..datatools.comparing.job import CompareRequest, compare_on_source
    from ..references import EncoderSettings

    request = CompareRequest(
        references=bases,
        data=data,
        options=BaseOptions(pooling=pooling),
        encoder=EncoderSettings(device=device, precision=dtype or "auto", max_tokens=max_tokens, batch_tokens=batch_tokens),
        seed=seed,
    )
    with shown() as events:
        comparison = compare_on_source(request, events)
    emit(comparison.as_dict(), comparison_text(comparison), json_output)


def comparison_text(comparison: Comparison) -> str:
    """Return a comparison as text: a table, and the notes."""
    from .render import render_line, render_table

    headings = ("base", "nDCG@10", "recall@1", "recall@10", "recall@100", "queries/s", "passages/s", "weights", "d", "max tokens", "cut")
    title = f"{comparison.source}, {comparison.split} ({count(comparison.queries, 'query')} over {count(comparison.passages, 'passage')})"
    table = render_table(headings, [_cells(each) for each in comparison.bases], right=headings[1:], title=title)
    told = "recall@N: the share of the queries with an answer among the first N passages; cut: passages that are longer than what was read"
    return "\n".join([table, "", render_line(told), *(render_line(f"note: {note}") for note in comparison.notes)])


def _cells(base: BaseScores) -> tuple[str, ...]:
    return (
        base.reference,
        f"{base.ndcg10:.4f}",
        *(f"{share:.1%}" for share in base.recall.values()),
        f"{base.queries_per_s:.0f}",
        f"{base.passages_per_s:.0f}",
        format_size(base.size_bytes),
        str(base.dimension),
        f"{base.max_tokens} ({base.cut_at})" if base.cut_at != base.max_tokens else str(base.max_tokens),
        f"{base.cut:.0%}",
    )
