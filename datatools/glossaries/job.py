"""A glossary's file -> a file or folder of training pairs, and the report beside it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ...data.glossary import read_glossary
from ...events import QUIET, Events
from ..job import ToolRequest, write_data, write_report
from ..report import ToolReport
from .pairs import GlossarySettings, pair_glossary


def run_glossary(request: ToolRequest, settings: GlossarySettings, events: Events = QUIET) -> ToolReport:
    """Read the glossary that is the request's source, make pairs of it, and write them.

    Raises:
        AdaptError: it is not there, malformed or without definitions and synonyms, or the pairs cannot be written.
    """
    events.stage("reading the glossary")
    glossary = read_glossary(Path(str(request.source)).expanduser(), request.read)
    made = pair_glossary(glossary, settings, events, source=str(request.source))
    if request.out is None:
        return made.report
    report = replace(made.report, notes=(*made.report.notes, *write_data(request.out, made.data)))
    write_report(request.out, report)
    return report
