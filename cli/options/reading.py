"""Options that say how files are read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ...data.read_options import ReadOptions


def read_options(*, columns: Sequence[str], encoding: str | None, sheet: str | None, skip_bad: bool) -> ReadOptions:
    """Make of the options' values what says how files are read; a wrong one is a usage error."""
    from ...data.read_options import ReadOptions
    from ...errors import ConfigError

    try:
        return ReadOptions(columns=",".join(columns), encoding=encoding, sheet=sheet, skip_bad=skip_bad)
    except ConfigError as e:
        raise click.UsageError(str(e)) from None


reading_options = (
    click.option(
        "--columns",
        multiple=True,
        metavar="ROLE=COLUMN,...",
        help="Which columns are read, such as query=question,positive=answer [default: those with the usual names].",
    ),
    click.option("--encoding", metavar="NAME", help="Of text files, such as gb18030 or big5 [default: what the whole file shows]."),
    click.option(
        "--sheet", metavar="NAME", help="Of a workbook, the sheet, by its name or number [default: the first visible one with rows]."
    ),
    click.option("--skip-bad", is_flag=True, help="Skip rows that cannot be read, and tell how many and why."),
)
"""The options, to be given to `gathered`; `read_options` takes their values."""
