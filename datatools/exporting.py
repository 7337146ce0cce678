"""Data in another form: pair lines, or a BEIR folder."""

from __future__ import annotations

from pathlib import Path

from ..data.pairs import TrainingData
from ..errors import ConfigError
from ..events import QUIET, Events, note_once
from .job import ToolRequest, read_source, run_tool
from .report import Prepared, ToolReport, counts_of


def export_data(request: ToolRequest, form: str, events: Events = QUIET) -> ToolReport:
    """Write data as `lines` (a file or a folder of pair lines) or as `beir`; the report says what was left out.

    Raises:
        AdaptError: the data are not there or malformed, or the result cannot be written.
    """
    return _to_beir(request, events) if form == "beir" else run_tool(request, _unchanged, events)


def _unchanged(data: TrainingData, _events: Events) -> Prepared:
    counts = counts_of(data)
    return Prepared(data=data, report=ToolReport(tool="export", read=counts, written=counts))


def _to_beir(request: ToolRequest, events: Events) -> ToolReport:
    from ..data.write.beir import write_beir

    if request.out is None or not request.is_folder:
        raise ConfigError(f"a BEIR folder is a folder, and {request.out} names a file; give a name that does not end in .jsonl")
    data = read_source(request)
    note_once(events, data.notes)
    splits = {"train": data.train} | ({"dev": data.dev} if data.dev is not None else {})
    notes = write_beir(Path(request.out), data.corpus, splits)
    counts = counts_of(data)
    return ToolReport(tool="export", read=counts, written={**counts, "negatives": 0}, notes=notes)
