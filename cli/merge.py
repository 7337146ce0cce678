"""`adapt merge`: adapters on one base -> one adapter that holds them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .command import Command
from .completion import REFERENCE
from .events import shown
from .options import common_options
from .options.encoder import EncoderOptions, encoder_options
from .options.merging import merge_options, search_options, setting_options
from .output import emit, emit_after, reserve_outputs, say

if TYPE_CHECKING:
    from ..merge.report import MergeReport
    from ..merge.request import MergeRequest
    from ..merge.weight_search import WeightSearch


@click.command(name="merge", cls=Command)
@click.argument("references", metavar="REF...", type=REFERENCE, nargs=-1)
@merge_options
@setting_options
@search_options
@click.option("--methods", is_flag=True, help="List the methods, with when to use each, and merge nothing.")
@click.option("--dry-run", is_flag=True, help="Tell rank, energy and size, and write nothing.")
@encoder_options
@common_options
def command(
    references: tuple[str, ...],
    make_request: Callable[..., MergeRequest],
    settings: Mapping[str, float],
    search: WeightSearch,
    encoder: EncoderOptions,
    methods: bool,
    dry_run: bool,
    json_output: bool,
    registry_dir: Path | None,
) -> None:
    """Merge adapters on one base into one, in weight space.

    REF is NAME, NAME@VERSION, NAME@ALIAS, a folder, hf:OWNER/REPO, or base (no change).
    """
    if methods:
        _list_methods(json_output)
        return
    from ..merge.job import prepare_merge
    from .merge_text import report_text

    on_machine = replace(
        search, device=encoder.device, precision=encoder.dtype, max_tokens=encoder.max_tokens, batch_tokens=encoder.batch_tokens
    )
    request = make_request(references=references, settings=settings, search=on_machine, where=encoder.search(registry_dir))
    reserve_outputs({"--plot": search.plot}, json_output)
    if request.explain:
        _explain(request, json_output)
        return
    with shown() as events:
        job = prepare_merge(request, events)
        report = job.plan(events) if dry_run else job.run(events)
    emit_after(partial(_draw, report, search.plot), report.as_dict(), report_text(report), json_output)


def _explain(request: MergeRequest, json_output: bool) -> None:
    from ..merge.job import explain_merge
    from .merge_text import explanation_text

    with shown() as events:
        explanation = explain_merge(request, events)
    emit(explanation.as_dict(), explanation_text(explanation), json_output)


def _list_methods(json_output: bool) -> None:
    from ..merge.methods import METHODS
    from .render import render_table

    rows: list[tuple[str, ...]] = [(name, method.use, ", ".join(method.settings) or "-", method.source) for name, method in METHODS.items()]
    result = {"methods": [dict(zip(("name", "use", "settings", "source"), row, strict=True)) for row in rows]}
    emit(result, render_table(("method", "when to use it", "settings", "source"), rows, prose=["when to use it"]), json_output)


def _draw(report: MergeReport, plot: Path | None) -> None:
    if report.search is not None and report.search.curve is not None and plot:
        from ..merge.search.plot import plot_curve

        plot_curve(report.search.curve, plot)
        say(f"wrote {plot}")
