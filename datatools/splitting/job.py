"""Dividing as a job: a source is read, divided, and written as a folder of pair lines."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ...data.beir import BeirFolder, missing_parts
from ...data.lines_folder import LinesFolder, is_lines_folder
from ...errors import ConfigError
from ...events import QUIET, Events, note_once
from ..job import ToolRequest, read_source, write_data, write_report
from ..report import ToolReport
from .settings import SplitSettings
from .split import split


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
        write_data(request.out, made.data, made.test)
        write_report(request.out, report)
    return report


def _own_test(source: object) -> Iterator[str]:
    """Say that the source has a test split of its own."""
    if isinstance(source, str | os.PathLike) and "test" in _splits_in(Path(source).expanduser()):
        yield f"{source} has a test split of its own, which was not read; to score on that one, divide with --test 0"


def _splits_in(path: Path) -> list[str]:
    if is_lines_folder(path):
        return list(LinesFolder(path).splits)
    return [] if not path.is_dir() or missing_parts(path) else list(BeirFolder(path).splits)
