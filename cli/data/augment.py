"""`adapt data augment`: more training queries, made of the queries and passages that are there."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..command import Command
from ..events import shown
from ..options import common_options
from ..options.augmenting import Amounts, Machine, SourceOptions, amount_options, machine, source_of_methods, tell_unused_of
from ..options.data import tool_options
from ..output import emit
from .text import describe_report

if TYPE_CHECKING:
    from ...datatools.augmenting.settings import AugmentSettings
    from ...datatools.job import ToolRequest
    from ...events import Events


@click.command("augment", cls=Command)
@tool_options
@amount_options
@source_of_methods
@machine
@common_options
def command(
    request: ToolRequest,
    amounts: Amounts,
    sources: SourceOptions,
    machine: Machine,
    json_output: bool,
    registry_dir: Path | None,
) -> None:
    """Add training queries to DATA, made of its own queries and passages. Dev and test are never touched.

    Numbers, units, negations and the glossary's terms are the same in a new query as in the one it comes from.
    """
    tell_unused_of(amounts.methods)
    from ...datatools.augmenting.job import augment_source

    with shown() as events, ExitStack() as stack:
        settings = _settings(amounts, sources, machine, stack, events)
        if settings.writer is not None and sources.round_trip:
            settings = replace(settings, encoder=machine.open_base(request.language, registry_dir, events))
        report = augment_source(request, settings, events)
    emit(report.as_dict(), describe_report(report), json_output)


def _settings(amounts: Amounts, sources: SourceOptions, machine: Machine, stack: ExitStack, events: Events) -> AugmentSettings:
    from ...data.glossary import read_glossary
    from ...data.terms import EMPTY
    from ...datatools.augmenting.settings import AugmentSettings
    from ...datatools.augmenting.tool import check_needs
    from ...datatools.augmenting.wordnet import open_wordnet

    writer = sources.writer(stack, events) if "llm" in amounts.methods else None
    settings = AugmentSettings(
        methods=tuple(dict.fromkeys(amounts.methods)),
        copies=amounts.copies,
        rows=amounts.rows,
        share=amounts.share,
        weight=amounts.weight,
        seed=amounts.seed,
        removed_share=amounts.removed_share,
        passages=amounts.passages,  # type: ignore[arg-type]
        glossary=read_glossary(sources.glossary) if sources.glossary else EMPTY,
        wordnet=open_wordnet(sources.wordnet) if sources.wordnet else None,
        translate=sources.translators(machine.device) if "back-translation" in amounts.methods else None,
        writer=writer,
        found_within=sources.round_trip or 1,
    )
    check_needs(settings)
    return settings
