"""`adapt sweep`: many runs whose settings differ -> the best of them as a new version."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .command import Remembering, called_with
from .events import shown
from .options import common_options
from .options.encoder import BaseChoice, base_choice
from .options.sweeping import sweep_options
from .options.types import Choice, OutputFile
from .output import emit, emit_after, reserve_outputs

if TYPE_CHECKING:
    from ..pages.words import PageLanguage
    from ..references import Search
    from ..sweeps import SweepRequest


@click.command(cls=Remembering)
@sweep_options
@click.option("--html", type=OutputFile(), metavar="OUT.html", help="Also write a page: trials, their scores over time, and what mattered.")
@click.option("--html-lang", type=Choice(["en", "zh"]), default="en", show_default=True, help="Language of the page.")
@click.option("--dry-run", is_flag=True, help="Tell what is tried, the time and the bytes, and do nothing.")
@base_choice
@common_options
def command(
    make_request: Callable[[Search], SweepRequest],
    html: Path | None,
    html_lang: PageLanguage,
    dry_run: bool,
    base: BaseChoice,
    json_output: bool,
    registry_dir: Path | None,
) -> None:
    """Try settings of a training on dev, and register the best adapter."""
    reserve_outputs({"--html": html}, json_output)
    from ..sweeps import prepare_sweep
    from .sweep_text import outcome_text, plan_text

    request, called = make_request(base.search(registry_dir)), called_with()
    with shown() as events:
        job = prepare_sweep(request, events)
        if dry_run:
            plan = job.plan(events)
            emit(plan.as_dict(), plan_text(plan), json_output)
            return
        outcome = job.run(events)

        def write() -> None:
            if html is not None:
                from ..sweeps.page import write_page

                write_page(outcome, html, called, html_lang)
                events.note(f"{html} is written")

        emit_after(write, outcome.as_dict(), outcome_text(outcome), json_output)
