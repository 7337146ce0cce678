"""`adapt data clicks`: a click log and a catalogue into training pairs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...errors import ConfigError
from ...plurals import count
from ..command import Command
from ..events import shown
from ..options import common_options
from ..options.data import out_option
from ..output import emit
from .text import describe_report

if TYPE_CHECKING:
    from ...datatools.report import ToolReport

SETTINGS = (
    ("min_users", int, 5, "Drop queries that fewer users typed; 1 keeps what one user may have typed."),
    ("per_user", int, 3, "An item counts so many times that one user saw for one query."),
    ("clip", float, 10.0, "No click counts as more than so many."),
    ("purchase_weight", float, 3.0, "A purchase counts as so many further clicks."),
    ("min_clicks", float, 3.0, "A positive has at least so many clicks."),
    ("positives", int, 5, "At most so many a query."),
    ("negatives", int, 5, "At most so many hard negatives a query."),
)


def _settings_options(function: Any) -> Any:
    for name, kind, default, text in reversed(SETTINGS):
        function = click.option(f"--{name.replace('_', '-')}", name, type=kind, default=default, show_default=True, help=text)(function)
    return function


@click.command("clicks", cls=Command)
@click.argument("log", type=click.Path(path_type=Path))
@click.option(
    "--catalogue", metavar="FILE", type=click.Path(path_type=Path), required=True, help="The items: a table with an id and texts."
)
@click.option("--template", metavar="TEXT", help="How an item's text is made, such as '{title} {brand}' [default: all columns but the id].")
@click.option("--id-column", metavar="COLUMN", help="The catalogue's ids, where they have no usual name.")
@click.option(
    "--columns", metavar="FIELD=COLUMN,...", default="", help="The log's columns, where they have no usual names: query=搜索词,item=商品."
)
@click.option(
    "--examination",
    metavar="WAY",
    default="auto",
    show_default=True,
    help="How often each position is looked at: estimated (auto, harvest, randomised, em), a table with position and examination, or a curve "
    "that you accept (log, inverse, none).",
)
@_settings_options
@click.option("--encoding", metavar="NAME", help="Of both files, such as gb18030 [default: what each file shows].")
@click.option("--sheet", metavar="NAME", help="Of a workbook, by its name or number [default: the first visible one with rows].")
@click.option("--skip-bad", is_flag=True, help="Skip and count rows that cannot be read, or whose item is not in the catalogue.")
@out_option
@common_options
def command(log: Path, catalogue: Path, out: Path, json_output: bool, **said: Any) -> None:
    """Make training pairs of LOG, what a shop's search showed and what was clicked: a table, or the folder of adapt serve --events.

    Position bias is estimated and corrected where the log allows it, and refused where it does not. No user, session or time is written.
    """
    from ...data.read_options import ReadOptions
    from ...datatools.clicklogs.job import ClickRequest, run_clicks
    from ...datatools.clicklogs.settings import ClickSettings

    del said["registry_dir"]  # every command takes it; nothing is registered
    read = ReadOptions(**{name: said.pop(name) for name in ("encoding", "sheet", "skip_bad")})
    asked = ClickSettings(columns=_columns(said.pop("columns")), read=read, **said)
    with shown() as events:
        report = run_clicks(ClickRequest(log=log, catalogue=catalogue, out=out, settings=asked), events)
    emit(report.as_dict(), _describe(report), json_output)


def _columns(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        name, sign, column = part.partition("=")
        if not (sign and name and column):
            raise ConfigError(f"--columns: {part!r} is not FIELD=COLUMN; expected such as query=搜索词,item=商品")
        found[name.strip()] = column.strip()
    return found


def _describe(report: ToolReport) -> str:
    """Return what came of the log, the findings, and examination by position as a table."""
    from ..render import render_table

    read, made, rows = report.read, report.written, report.facts["positions"]
    lines = [
        f"clicks: {count(read['rows'], 'row')} of {count(read['queries'], 'query')} and {count(read['items'], 'item')} -> "
        f"{count(made['pairs'], 'pair')} of {count(made['queries'], 'query')}, {count(made['negatives'], 'hard negative')}, "
        f"{count(made['passages'], 'passage')}",
        *describe_report(report).splitlines()[1:],
    ]
    if not rows or report.facts["method"] is None:
        return "\n".join(lines)
    cells = [
        (
            str(row["position"]),
            str(row["shown"]),
            str(row["clicked"]),
            _share(row["clicked"] / row["shown"]),
            _share(row["examination"]) + (f" ± {row['examination'] * row['error']:.3f}" if row["error"] else ""),
            _share(row["em"]),
        )
        for row in rows
    ]
    headings = ("position", "shown", "clicked", "rate", f"examination ({report.facts['method']})", "EM, beside")
    return "\n".join([*lines, render_table(headings, cells)])


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
