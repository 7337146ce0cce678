"""`adapt data glossary`: a glossary as training pairs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..command import Command
from ..events import shown
from ..options import WholeNumber, common_options
from ..options.data import out_option
from ..options.reading import read_options
from ..output import emit
from .text import describe_report


@click.command("glossary", cls=Command)
@click.argument("glossary", metavar="GLOSSARY", type=click.Path(path_type=Path))
@out_option
@click.option(
    "--negatives",
    type=WholeNumber(min=0),
    default=4,
    show_default=True,
    metavar="N",
    help="Definitions of sibling terms a query gets as negatives.",
)
@click.option("--questions/--no-questions", default=True, show_default=True, help="Make questions after each term too.")
@click.option("--encoding", metavar="NAME", help="Of a text file, such as gb18030 or big5 [default: what the whole file shows].")
@click.option("--sheet", metavar="NAME", help="Of a workbook, the sheet, by its name or number [default: the first visible one with rows].")
@click.option("--skip-bad", is_flag=True, help="Skip rows that cannot be read, and tell how many and why.")
@click.option("--seed", type=WholeNumber(min=0), default=0, show_default=True, metavar="N", help="Draws the siblings.")
@common_options
def command(
    glossary: Path,
    out: Path,
    negatives: int,
    questions: bool,
    encoding: str | None,
    sheet: str | None,
    skip_bad: bool,
    seed: int,
    json_output: bool,
    **_: Any,
) -> None:
    """Make training pairs of a GLOSSARY: a term, its synonyms and questions after it find its definition.

    GLOSSARY is a table with a column term (术语), and definition (定义) or synonyms (同义词); with parent (类别), definitions of terms of the
    same parent become hard negatives.
    """
    from ...datatools.glossaries import GlossarySettings
    from ...datatools.glossaries.job import run_glossary
    from ...datatools.job import ToolRequest

    read = read_options(columns=(), encoding=encoding, sheet=sheet, skip_bad=skip_bad)
    settings = GlossarySettings(negatives=negatives, questions=questions, seed=seed)
    with shown() as events:
        report = run_glossary(ToolRequest(source=glossary, out=out, read=read), settings, events)
    emit(report.as_dict(), describe_report(report), json_output)
