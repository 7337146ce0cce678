"""How a command runs a tool: read, run, write whole or not at all, and the report beside the result."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ..data.pairs import Pairs, TrainingData
from ..data.read_options import PLAIN, ReadOptions
from ..data.source_words import Sources, find_sources
from ..errors import ConfigError
from ..events import QUIET, Events, note_once
from ..files import check_writable, write_file
from ..plurals import count
from .report import Prepared, ToolReport

Tool = Callable[[TrainingData, Events], Prepared]
LINES = ".jsonl"
REPORT = "report.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRequest:
    """What a tool reads and where its result goes.

    Attributes:
        source: What `adapt train --data` takes.
        out: A file of pair lines (.jsonl), which holds the training pairs alone, or a new folder, which holds all; None: nothing is written.
        language: Of the sample, where that is meant.
        domain: Whose sample is meant.
        read: How files are read.

    Raises:
        ConfigError: the output is the input, cannot be written, or exists already as a folder with something in it.
    """

    source: object
    out: Path | None
    language: str = "en"
    domain: str = "data"
    read: ReadOptions = PLAIN

    def __post_init__(self) -> None:
        if self.out is None:
            return
        found = find_sources(self.source)
        parts = [part.source for part in found.parts] if isinstance(found, Sources) else [found]
        if any(isinstance(part, str | os.PathLike) and os.path.realpath(part) == os.path.realpath(self.out) for part in parts):
            raise ConfigError(f"{self.out} is the data that are read; give the result another name")
        check_out(self.out)

    @property
    def is_folder(self) -> bool:
        """Whether the result is a folder."""
        return self.out is not None and self.out.suffix != LINES


def check_out(out: Path) -> None:
    """Refuse a place where the result of a tool could not be written.

    Raises:
        ConfigError: so it is.
    """
    from ..data.write.folder import check_new_folder

    check_writable(out) if out.suffix == LINES else check_new_folder(out)


def run_tool(request: ToolRequest, tool: Tool, events: Events = QUIET) -> ToolReport:
    """Read the data, run a tool on them, and write what it gives.

    Raises:
        AdaptError: the data are not there or malformed, the tool refuses them, or the result cannot be written.
    """
    events.stage("reading the data")
    data = read_source(request)
    note_once(events, data.notes)
    made = tool(data, events)
    report = made.report
    if request.out is not None:
        events.stage(f"writing {request.out}")
        report = replace(report, notes=(*report.notes, *write_data(request.out, made.data)))
        write_report(request.out, report)
    return report


def read_source(request: ToolRequest) -> TrainingData:
    """Read what a tool is to work on. No dev split is drawn where there is none, and a test split is not opened.

    Raises:
        AdaptError: it is not there, or malformed.
    """
    from ..data.domains import name_domain
    from ..data.sources import read_data

    domain, _ = name_domain(request.domain, has_data=True)
    return read_data(request.source, domain=domain, lang=request.language, read=request.read)


def write_data(out: Path, data: TrainingData, test: Pairs | None = None) -> tuple[str, ...]:
    """Write data where the user asked for them, and say what a file of lines has no place for.

    Raises:
        ConfigError: they cannot be written.
    """
    from ..data.write.folder import write_folder
    from ..data.write.lines import write_lines

    if out.suffix != LINES:
        write_folder(out, data, test)
        return ()
    write_lines(out, data.train, data.corpus)
    others = len(data.corpus.keys() - data.train.passage_ids())
    left = [f"{count(others, 'passage')} that no training pair names"] if others else []
    left += [count(len(data.dev), "dev query")] if data.dev is not None else []
    return (f"{out.name} holds the training pairs alone; left out: {' and '.join(left)} (name a folder to keep all)",) if left else ()


def write_report(out: Path, report: ToolReport) -> None:
    """Write the report beside a file of lines (`NAME.report.json`), or into a folder (`report.json`).

    Raises:
        ConfigError: it cannot be written.
    """
    path = out.with_suffix(f".{REPORT}") if out.suffix == LINES else out / REPORT
    write_file(path, (json.dumps(report.as_dict(), ensure_ascii=False, indent=1) + "\n").encode())
