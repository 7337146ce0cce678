"""`adapt data mine`: hard negatives for training queries."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..command import Command
from ..completion import REFERENCE
from ..events import shown
from ..options import Choice, Finite, common_options, gathered
from ..options.data import tool_options
from ..options.data_base import BaseOfData, base_of_data
from ..options.types import FiniteRange, Read, WholeNumber
from ..options.unused import Need, tell_unused
from ..output import emit
from .text import describe_report

if TYPE_CHECKING:
    from ...datatools.job import ToolRequest
    from ...datatools.mining.settings import MineSettings, RelativeMargin


def _relative_margin(text: str) -> RelativeMargin:
    from ...datatools.mining.settings import read_margin

    return read_margin(text)


mining_options = gathered(
    "wanted",
    dict,
    click.option(
        "--by",
        metavar="REF",
        multiple=True,
        type=REFERENCE,
        help="What finds candidates: base, any reference, or bm25 [default: base]; may be repeated, and the rankings are fused then.",
    ),
    click.option("--negatives", type=WholeNumber(min=1), default=5, show_default=True, metavar="N", help="So many for each query."),
    click.option("--range-min", type=WholeNumber(min=0), default=0, show_default=True, metavar="N", help="Pass over the N nearest."),
    click.option(
        "--range-max", type=WholeNumber(min=1), metavar="N", help="The last candidate's rank [default: range-min + 10 for each negative]."
    ),
    click.option(
        "--relative-margin",
        type=Read("margin", _relative_margin),
        default="auto",
        metavar="M",
        help="A negative scores at most the positive's score less this share of it [default: 0.05; none by bm25 alone]; or none.",
    ),
    click.option("--absolute-margin", type=FiniteRange(min=0), metavar="M", help="It scores at most the positive's score less this."),
    click.option("--max-score", type=Finite(), metavar="S", help="It scores at most this."),
    click.option("--min-score", type=Finite(), metavar="S", help="It scores at least this."),
    click.option(
        "--sampling", type=Choice(["top", "random"]), default="top", show_default=True, help="The hardest of what is left, or any of it."
    ),
    click.option(
        "--cross-encoder",
        metavar="PATH|ID",
        help="A reranker, whose probabilities then hold margins and bounds in place of cosines: it drops what may answer.",
    ),
    click.option("--seed", type=WholeNumber(min=0), default=0, show_default=True, metavar="N", help="Of --sampling random."),
    click.option("--terms", type=click.Path(path_type=Path), metavar="FILE", help="Terms that bm25 takes whole, one a line."),
    click.option(
        "--exact-limit",
        type=WholeNumber(min=0),
        metavar="N",
        help="Above so many comparisons of a query with a passage, an approximate index finds the candidates [default: 2e10].",
    ),
)
"""Add how negatives are mined; the command gets the values as its argument `wanted`."""


@click.command("mine", cls=Command)
@tool_options
@mining_options
@base_of_data
@common_options
def command(request: ToolRequest, wanted: dict[str, Any], base: BaseOfData, json_output: bool, registry_dir: Path | None) -> None:
    """Give the training queries of DATA hard negatives: passages that rank high for them and do not answer.

    What answers a query, has the text of an answer, or scores nearly as high as the answer does, is none. Dev stays as it is.
    """
    _tell_unused(wanted)
    settings = _settings(wanted, base, registry_dir, request.language)
    from ...datatools.mining.job import mine_source

    with shown() as events:
        report = mine_source(request, settings, events)
    emit(report.as_dict(), describe_report(report), json_output)


def _tell_unused(wanted: dict[str, Any]) -> None:
    by = wanted["by"]
    needs = {
        "seed": Need("--sampling random", wanted["sampling"] == "random"),
        "terms": Need("--by bm25", "bm25" in by),
        "exact_limit": Need("--by base or another reference", set(by) != {"bm25"}),
    }
    tell_unused(needs)


def _settings(wanted: dict[str, Any], base: BaseOfData, registry_dir: Path | None, language: str) -> MineSettings:
    from ...datatools.mining.settings import EXACT_LIMIT, MineSettings
    from ...datatools.mining.terms import read_terms

    by, terms, limit = wanted.pop("by"), wanted.pop("terms"), wanted.pop("exact_limit")
    return MineSettings(
        **wanted,
        by=by or ("base",),
        terms=read_terms(terms) if terms else (),
        exact_limit=EXACT_LIMIT if limit is None else limit,
        where=base.search(registry_dir, language),
        encoder=base.settings(),
    )
