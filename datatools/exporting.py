"""Data in another form: pair lines, or a BEIR folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..data.pairs import Corpus, Pairs, TrainingData
from ..errors import ConfigError
from ..events import QUIET, Events, note_once
from ..plurals import be, count
from .job import ToolRequest, note_test, read_source, read_test, run_tool
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
    test = read_test(request)
    kept = without_made(data)
    corpus, splits = data.searched, {"train": kept} | ({"dev": data.dev} if data.dev is not None else {})
    if test is not None:
        corpus, splits["test"] = with_test(corpus, *test)
    notes = (*_note_made(data, kept), *write_beir(Path(request.out), corpus, splits), *note_test(request, test))
    written = counts_of(replace(data, corpus=corpus, train=kept))
    return ToolReport(tool="export", read=counts_of(data), written={**written, "negatives": 0}, notes=notes)


def without_made(data: TrainingData) -> Pairs:
    """Return the training pairs without the passages that were made for training, and without the queries that only these answer."""
    if not data.train_only:
        return data.train
    known = {qid: {pid: grade for pid, grade in of.items() if pid not in data.train_only} for qid, of in data.train.positives.items()}
    return replace(data.train.select(qid for qid, of in known.items() if of), positives={qid: of for qid, of in known.items() if of})


def _note_made(data: TrainingData, kept: Pairs) -> tuple[str, ...]:
    if not data.train_only:
        return ()
    pairs, queries = data.train.pair_count - kept.pair_count, len(data.train) - len(kept)
    return (
        f"{count(len(data.train_only), 'passage')} made for training alone, with {count(pairs, 'pair')} and {count(queries, 'query')}, "
        f"{be(len(data.train_only))} left out: dev and test would be searched among them",
    )


def with_test(corpus: Corpus, pairs: Pairs, passages: Corpus) -> tuple[Corpus, Pairs]:
    """Put the passages of a test split into a corpus; equal texts are one, and an id that is taken is made another."""
    first = {text: pid for pid, text in reversed(corpus.items())}
    both, became = dict(corpus), {}
    for pid, text in passages.items():
        if both.get(pid) == text:
            became[pid] = pid
            continue
        if text not in first:
            first[text] = _free(pid, both)
            both[first[text]] = text
        became[pid] = first[text]
    return both, replace(pairs, positives={qid: {became[pid]: grade for pid, grade in of.items()} for qid, of in pairs.positives.items()})


def _free(pid: str, taken: Corpus) -> str:
    while pid in taken:
        pid = f"test-{pid}"
    return pid
