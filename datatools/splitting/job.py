"""Dividing as a job: a source is read, divided, and written as a folder of pair lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ...data.test_split import has_test_split
from ...errors import ConfigError
from ...events import QUIET, Events, note_once
from ..job import ToolRequest, read_source, write_data, write_report
from ..report import ToolReport
from .divide import split
from .settings import SplitSettings


def split_source(request: ToolRequest, settings: SplitSettings, events: Events = QUIET) -> ToolReport:
    """Read data, divide them, and write `train.jsonl`, `dev.jsonl`, `test.jsonl` and `corpus.jsonl`.

    Raises:
        AdaptError: the data are not there or malformed, cannot be divided so, or the folder cannot be written.
    """
    if request.out is not None and not request.is_folder:
        raise ConfigError(f"a split is a folder, and {request.out} names a file; give a name that does not end in .jsonl")
    events.stage("reading the data")
    data = read_source(request)
    note_once(events, data.notes)
    made = split(data, settings, events)
    report = replace(made.report, notes=(*made.report.notes, *_own_test(request.source)))
    if request.out is not None:
        events.stage(f"writing {request.out}")
        report = replace(report, notes=(*report.notes, *write_data(request.out, made.data, made.test)))
        write_report(request.out, report)
    return report


def _own_test(source: object) -> Iterator[str]:
    """Say that the source has a test split of its own."""
    if has_test_split(source):
        yield f"{source} has a test split of its own, which was not read; to score on that one, divide with --test 0"
