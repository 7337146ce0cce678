"""Training queries -> hard negatives: candidates are found, those that may answer are passed over, and the hardest are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from ...data.pairs import Pairs, TrainingData
from ...events import QUIET, Events
from ...index.hidden import Hidden
from ...index.rows import find_rows
from ..report import Prepared
from .candidates import Judge, Retriever, Rows, fuse
from .choose import Chosen, choose
from .cross import open_judge
from .open import open_retrievers
from .report import Mined, report_mining
from .settings import BM25, MineSettings
from .word_for_word import word_for_word


def mine(data: TrainingData, settings: MineSettings, events: Events = QUIET) -> Prepared:
    """Give training queries hard negatives out of the corpus, behind those that they have; dev stays as it is.

    Neither what answers a query, nor what has the text of an answer or of the query, nor what holds a longer query word for word, nor a copy of another
    passage, nor an empty one, nor one made for training becomes one.

    Args:
        data: Queries, answers and the corpus.
        settings: By what, how many, how near.
        events: Told what is done, what it costs before it is, and how far it is.

    Raises:
        AdaptError: a reference or the cross-encoder is not there or does not load, or the vectors do not fit the disk.
    """
    judge = open_judge(data, settings, events)
    return mine_by(data, open_retrievers(data, settings, events), settings, events, judge)


def mine_by(
    data: TrainingData, retrievers: Sequence[Retriever], settings: MineSettings, events: Events = QUIET, judge: Judge | None = None
) -> Prepared:
    """Mine by what is open already, as `mine` does.

    Args:
        data: Queries, answers and the corpus.
        retrievers: Find the candidates, for the training queries in their order and the corpus's rows.
        settings: How many, how near; what they say of references is not looked at.
        events: Told what is done.
        judge: Its scores are held against margins and bounds; None: those of the first retriever with vectors, else of the first.
    """
    judge = judge or next((each for each in retrievers if each.name != BM25), retrievers[0])
    known = _known_rows(data)
    events.stage("finding candidates")
    candidates = fuse([each.retrieve(settings.depth, known.hidden, events) for each in retrievers], settings.depth)
    events.stage("choosing negatives")
    owners, rows = known.positive
    scores = judge.judge(owners, rows, events)
    positives = np.full(len(data.train), np.inf, np.float32)
    np.minimum.at(positives, owners, scores)
    has_scores = len(retrievers) == 1 and judge is retrievers[0]
    chosen = choose(candidates, positives, None if has_scores else judge, settings, events, word_for_word(data).holds)
    mined = with_negatives(data, chosen)
    return Prepared(data=mined, report=report_mining(Mined(data, mined, chosen, positives, retrievers, judge, settings)))


@dataclass(frozen=True, slots=True)
class _KnownRows:
    """The rows that are known of each query: `positive`, pairs of a query's place and the row of an answer; and what is no candidate."""

    positive: tuple[Rows, Rows]
    hidden: Hidden


def _known_rows(data: TrainingData) -> _KnownRows:
    pairs, ids = data.train, list(data.train.queries)
    given = {qid: passages | dict.fromkeys(pairs.negatives.get(qid, ()), 1) for qid, passages in pairs.positives.items()}
    rows = find_rows(Pairs(pairs.queries, given), data.corpus)  # what a query has as a negative is not found again
    owners = np.repeat(np.arange(len(ids)), [len(pairs.positives[qid]) for qid in ids])
    positive = np.array([rows.row[pid] for qid in ids for pid in pairs.positives[qid]], np.int64)
    # A passage without one of its sentences, made for training, says what the whole one says.
    alone = np.array([row for row, pid in enumerate(data.corpus) if pid in data.train_only], np.int64)
    # BEIR allows documents without a text; pair lines have no place for an empty negative.
    empty = np.array([row for row, text in enumerate(data.corpus.values()) if not text.strip()], np.int64)
    never = np.union1d(np.union1d(rows.copies, alone), empty)
    return _KnownRows((owners, positive), Hidden(rows.exclusions(ids), torch.from_numpy(never)))


def with_negatives(data: TrainingData, chosen: Chosen) -> TrainingData:
    """Return data whose training queries have the chosen negatives behind their own."""
    pids = list(data.corpus)
    negatives = dict(data.train.negatives)
    for qid, rows in zip(data.train.queries, chosen.negatives(), strict=True):
        if len(rows):
            negatives[qid] = [*negatives.get(qid, ()), *(pids[row] for row in rows.tolist())]
    return replace(data, train=replace(data.train, negatives=negatives))
