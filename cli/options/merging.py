"""The options of `adapt merge`: how to merge, what a method is told, and how weights are chosen on data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

import click

from ...merge.methods import MethodSettings
from ...merge.request import MergeRequest
from ...merge.weight_search import WeightSearch
from ..completion import DEV_SOURCES, DOMAIN, METHOD, NAME
from .gather import gathered, to_complete
from .shared import dangling_option
from .types import RANK, WEIGHTS, Choice, Finite, FiniteRange, OutputFile, WholeNumber


class MethodOption(click.Option):
    """An option of a merge method, whose place in the help is known before its name is."""

    heading = "Merging"


def _setting(field: Field[Any]) -> Any:
    about = field.metadata
    kind = WholeNumber(*about["bounds"]) if "bounds" in about else float
    return click.option(
        f"--{field.name}", cls=MethodOption, type=kind, metavar=about["metavar"], help=f"{about['help']} [default: {field.default}]."
    )


def _said(**values: float | None) -> Mapping[str, float]:
    return {name: value for name, value in values.items() if value is not None}


def _search(*, sources: str | None, **values: Any) -> WeightSearch:
    split = None if sources is None else tuple(part.strip() for part in sources.split(",") if part.strip())
    return WeightSearch(sources=split, **values)


setting_options = gathered("settings", _said, *map(_setting, fields(MethodSettings)))
"""Add an option for each field of `MethodSettings`; the command gets those that are given, by name, as one argument `settings`."""

merge_options = gathered(
    "make_request",
    to_complete(MergeRequest),
    click.option(
        "--method",
        type=METHOD,
        metavar="M",
        help="How (list them: adapt merge --methods) [default: linear; regmean where all carry Gram matrices].",
    ),
    click.option("--weights", type=WEIGHTS, metavar="W,W", help="One weight each, negative ones too [default: 1/n each]."),
    click.option("--rank", type=RANK, default="auto", show_default=True, metavar="R", help="auto, full (lossless), or a number."),
    click.option(
        "--energy",
        type=FiniteRange(0, 1, min_open=True),
        metavar="E",
        help="Share of the squared norm that --rank auto keeps [default: 0.99].",
    ),
    click.option("--with-base", type=Finite(), metavar="A", help="Merge back with the base: scale the result by A [default: 1]."),
    click.option(
        "--store", type=Choice(["fp16", "bf16", "fp32"]), help="Number format of the file [default: fp16; fp32 with --rank full]."
    ),
    click.option(
        "--name",
        type=NAME,
        metavar="N",
        help="Name in the registry [default: the inputs' names, joined; to be given for a single input].",
    ),
    click.option("--domain", type=DOMAIN, metavar="D", help="What it is for [default: the parents' domain, where they share one]."),
    click.option("--explain", is_flag=True, help="Say how compatible the adapters are, and merge nothing."),
)
"""Add what a merge is to be; the command gets a function `make_request` that takes the rest of a `MergeRequest`."""

search_options = gathered(
    "search",
    _search,
    click.option(
        "--search",
        "sources",
        type=DEV_SOURCES,
        metavar="SRC[,SRC...]",
        help="Choose the weights (and the density) on these dev data: BEIR folders, tables, lines, or domains, whose samples are meant.",
    ),
    dangling_option,
    click.option(
        "--general",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="With --search: sentence pairs whose Spearman correlation must not fall [default: closeness to the base].",
    ),
    click.option(
        "--tolerance", type=FiniteRange(min=0), metavar="T", help="With --search: how far the general score may fall [default: 0.003]."
    ),
    click.option(
        "--evaluations", type=WholeNumber(min=1), metavar="N", help="With --search: at most so many merges are tried [default: 24]."
    ),
    click.option(
        "--curve-steps",
        type=WholeNumber(min=0),
        metavar="N",
        help="With --search: points on each line of the curve, 0 for none [default: 11; 5 of 3 and more].",
    ),
    click.option("--plot", type=OutputFile(), metavar="OUT", help="With --search: draw the curve, .svg or .png."),
)
"""Add how weights are chosen on data; the command gets them as one argument `search`."""
