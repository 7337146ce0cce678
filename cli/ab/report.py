"""`adapt ab report`: what an event log says of the arms."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..command import Remembering, called_with
from ..events import shown
from ..options import Choice, FiniteRange, OutputFile, WholeNumber, common_options, gathered
from ..output import emit_after, reserve_outputs

if TYPE_CHECKING:
    from ...abtests.report.request import ReportRequest
    from ...pages.words import PageLanguage


def _request(*, k: int, again: float, **values: Any) -> ReportRequest:
    from ...abtests.measures.outcomes import Counting
    from ...abtests.report.request import ReportRequest

    return ReportRequest(counting=Counting(k=k, again_s=again * 60), **values)


report_options = gathered(
    "request",
    _request,
    click.argument("folder", metavar="DIR", type=click.Path(path_type=Path)),
    click.option("--experiment", metavar="ID", help="Which one [default: the newest]."),
    click.option("--metric", metavar="NAME", help="The primary metric, which decides [default: the kept plan's, else ctr]."),
    click.option(
        "--effect",
        type=FiniteRange(min=0, min_open=True),
        metavar="D",
        help="The smallest difference that matters, in the metric's unit; say it before the first look, and keep it [default: the kept plan's, else the metric's].",
    ),
    click.option(
        "--alpha",
        type=FiniteRange(0, 1, min_open=True, max_open=True),
        metavar="A",
        help="The chance of a wrong decision over all looks [default: the kept plan's, else 0.05].",
    ),
    click.option(
        "--power",
        type=FiniteRange(0, 1, min_open=True, max_open=True),
        metavar="P",
        help="The chance to find the effect, for the time that is left [default: the kept plan's, else 0.8].",
    ),
    click.option(
        "--k", type=WholeNumber(min=1), default=5, show_default=True, metavar="N", help="Precision and purchases in the first N places."
    ),
    click.option(
        "--again",
        type=FiniteRange(min=0, min_open=True),
        default=5.0,
        show_default=True,
        metavar="MINUTES",
        help="A search so soon after one without a click is the same need asked again.",
    ),
    click.option("--keep-bots", is_flag=True, help="Count users who search or click faster than a person, too."),
)


@click.command("report", cls=Remembering)
@report_options
@click.option("--html", type=OutputFile(), metavar="OUT.html", help="Also write a page, with the difference over time.")
@click.option("--html-lang", type=Choice(["en", "zh"]), default="en", show_default=True, help="Language of the page.")
@common_options
def command(request: ReportRequest, html: Path | None, html_lang: PageLanguage, json_output: bool, registry_dir: Path | None) -> None:
    """Say what the event log in DIR, which `adapt serve --events DIR` writes, tells of an experiment's arms.

    The always-valid interval may be looked at as often as you like: all looks together are wrong with a chance of at most alpha.
    """
    del registry_dir  # every command takes it; nothing of it is read
    reserve_outputs({"--html": html}, json_output)
    from ...abtests.report.job import make_report
    from .report_text import report_text

    called = called_with()
    with shown() as events:
        events.stage("reading the log")
        report = make_report(request)

        def write() -> None:
            if html is not None:
                from ...abtests.report.page import write_page

                write_page(report, html, called, html_lang)
                events.note(f"{html} is written")

    emit_after(write, report.as_dict(), report_text(report), json_output)
