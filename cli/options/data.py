"""The options of the data tools: what is read, and where the result goes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ...data.source_words import name_sources
from ...datatools.job import ToolRequest
from ..completion import DOMAIN_OR_FILE
from .gather import gathered
from .reading import read_options, reading_options
from .types import Choice

out_option = click.option(
    "-o",
    "--out",
    metavar="OUT",
    type=click.Path(path_type=Path),
    required=True,
    help="A file of pair lines (.jsonl), which holds the training pairs alone, or a new folder, which holds all: splits and corpus.",
)
"""Add where a tool's result goes."""


def _request(
    *, source: Sequence[str], columns: Sequence[str], encoding: str | None, sheet: str | None, skip_bad: bool, **values: Any
) -> ToolRequest:
    return ToolRequest(
        source=name_sources(source),
        out=values.get("out"),
        language=values["lang"],
        domain=values["domain"] or "data",
        read=read_options(columns=columns, encoding=encoding, sheet=sheet, skip_bad=skip_bad),
    )


source_arguments = (
    click.argument("source", metavar="DATA...", nargs=-1, required=True),
    click.option("--domain", type=DOMAIN_OR_FILE, metavar="D", help="Whose sample is meant, where DATA is `sample`."),
    click.option("--lang", type=Choice(["en", "zh"]), default="en", show_default=True, help="The language of that sample."),
    *reading_options,
)

tool_options = gathered("request", _request, *source_arguments, out_option)
"""Add what a tool reads and where it writes; the command gets a `ToolRequest` as its argument `request`."""

source_only = gathered("request", _request, *source_arguments)
"""Add what a tool reads, where nothing or something else is written; the command gets a `ToolRequest` without an output."""
