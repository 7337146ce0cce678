"""How a command runs a tool: read, run, write whole or not at all, and the report beside the result."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ..data.pairs import Corpus, Pairs, TrainingData
from ..data.read_options import PLAIN, ReadOptions
from ..data.source_words import Sources, find_sources
from ..data.test_split import has_test_split, read_test_split
from ..errors import ConfigError
from ..events import QUIET, Events, note_once
from ..files import check_writable, write_file
from ..plurals import count
from .report import Prepared, ToolReport

Tool = Callable[[TrainingData, Events], Prepared]
TestSplit = tuple[Pairs, Corpus]
"""The test split of a source, and the passages that its ids belong to."""
Carry = Callable[[TestSplit, Corpus, Corpus], TestSplit]
"""What a tool that changes texts makes of the test split, given the corpus before and after."""
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
        object.__setattr__(self, "out", self.out.expanduser())
        found = find_sources(self.source)
        parts = [part.source for part in found.parts] if isinstance(found, Sources) else [found]
        for part in parts:
            if isinstance(part, str | os.PathLike):
                refuse_source(Path(part), self.out)
        check_out(self.out)

    @property
    def is_folder(self) -> bool:
        """Whether the result is a folder."""
        return self.out is not None and self.out.suffix != LINES


def refuse_source(source: Path, out: Path) -> None:
    """Refuse a result that would take the place of what is read, or of a file in a folder that is read.

    Raises:
        ConfigError: so it is.
    """
    source = source.expanduser()
    read, written = Path(os.path.realpath(source)), Path(os.path.realpath(out))
    if read == written:
        raise ConfigError(f"{out} is the data that are read; give the result another name")
    if source.is_dir() and written.is_relative_to(read):
        raise ConfigError(f"{out} lies inside {source}, which is read; give the result a place outside of it")


def check_out(out: Path) -> None:
    """Refuse a place where the result of a tool could not be written.

    Raises:
        ConfigError: so it is.
    """
    from ..data.read.files import table_suffix
    from ..data.readers import TABLE_SUFFIXES
    from ..data.write.folder import check_new_folder

    if out.suffix != LINES and table_suffix(out) in TABLE_SUFFIXES:
        raise ConfigError(
            f"{out} would be a folder that is called like a file; give a name that ends in {LINES}, or in nothing for a folder"
        )
    check_writable(out) if out.suffix == LINES else check_new_folder(out)


def run_tool(request: ToolRequest, tool: Tool, events: Events = QUIET, carry: Carry | None = None) -> ToolReport:
    """Read the data, run a tool on them, and write what it gives, with the test split beside the data, which the tool does not get.

    Args:
        request: What is read, and where the result goes.
        tool: What is done.
        events: Told the stages.
        carry: What becomes of the test split; None: it stays as it is.

    Raises:
        AdaptError: the data are not there or malformed, the tool refuses them, or the result cannot be written.
    """
    events.stage("reading the data")
    data = read_source(request)
    note_once(events, data.notes)
    test = read_test(request)
    made = tool(data, events)
    report = made.report
    if request.out is not None:
        events.stage(f"writing {request.out}")
        if test is not None and carry is not None:
            test = carry(test, data.corpus, made.data.corpus)
        notes = (*write_data(request.out, made.data, *(test or ())), *note_test(request, test, is_changed=carry is not None))
        report = replace(report, notes=(*report.notes, *notes))
        write_report(request.out, report)
    return report


def read_test(request: ToolRequest) -> TestSplit | None:
    """Read the test split that is to stand in the folder that is written; None where no folder is, or the source has no test split.

    Raises:
        DataError: it is malformed.
    """
    return read_test_split(request.source, request.read) if request.is_folder else None


def note_test(request: ToolRequest, test: TestSplit | None, *, is_changed: bool = False) -> tuple[str, ...]:
    """Return the line on what became of the test split; none where there is none."""
    if test is None:
        return ("the test split is left out (name a folder to keep it)",) if has_test_split(request.source) else ()
    how = "with its texts changed by the same rules, and no row dropped" if is_changed else "as it is"
    return (f"the test split of {count(len(test[0]), 'query')} is carried over {how}",)


def read_source(request: ToolRequest) -> TrainingData:
    """Read what a tool is to work on. No dev split is drawn where there is none, and a test split is not opened here.

    Raises:
        AdaptError: it is not there, or malformed.
    """
    from ..data.domains import name_domain
    from ..data.sources import read_data

    domain, _ = name_domain(request.domain, has_data=True)
    return read_data(request.source, domain=domain, lang=request.language, read=request.read)


def write_data(out: Path, data: TrainingData, test: Pairs | None = None, test_corpus: Corpus | None = None) -> tuple[str, ...]:
    """Write data where the user asked for them, and say what pair lines do not keep, and what a file of them has no place for.

    Raises:
        ConfigError: they cannot be written.
    """
    from ..data.write.folder import write_folder
    from ..data.write.lines import write_lines

    if out.suffix != LINES:
        write_folder(out, data, test, test_corpus)
        return _note_grades(data.train, data.dev, test)
    write_lines(out, data.train, data.corpus)
    others = len(data.corpus.keys() - data.train.passage_ids())
    left = [f"{count(others, 'passage')} that no training pair names"] if others else []
    left += [count(len(data.dev), "dev query")] if data.dev is not None else []
    alone = (f"{out.name} holds the training pairs alone; left out: {' and '.join(left)} (name a folder to keep all)",) if left else ()
    return (*_note_grades(data.train), *alone)


def _note_grades(*splits: Pairs | None) -> tuple[str, ...]:
    graded = sum(grade > 1 for pairs in splits if pairs is not None for of in pairs.positives.values() for grade in of.values())
    return (f"{count(graded, 'pair')} had a grade above 1, which pair lines do not keep: all positives are alike",) if graded else ()


def write_report(out: Path, report: ToolReport) -> None:
    """Write the report beside a file of lines (`NAME.report.json`), or into a folder (`report.json`).

    Raises:
        ConfigError: it cannot be written.
    """
    path = out.with_suffix(f".{REPORT}") if out.suffix == LINES else out / REPORT
    write_file(path, (json.dumps(report.as_dict(), ensure_ascii=False, indent=1) + "\n").encode(errors="backslashreplace"))
