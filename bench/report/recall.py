"""Recall at k of every reference, from the rankings that were kept: how deep a reader has to look to find the answers."""

from collections.abc import Sequence
from dataclasses import dataclass

from mteb.abstasks import AbsTask

from ..result import BenchResult
from ..tasks.data import data_of
from ..tasks.kind import Ranking
from .findings import Findings

CUTOFFS = (1, 5, 10, 20, 50, 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallCurve:
    """One retrieval task: reference -> its recall at each of `cutoffs`, which end below the number of passages."""

    task: str
    cutoffs: tuple[int, ...]
    recall: dict[str, tuple[float, ...]]


def recall_curves(result: BenchResult, tasks: Sequence[AbsTask], findings: Findings) -> list[RecallCurve]:
    """Return the curves of those retrieval tasks whose rankings are known of every reference."""
    names = [reference.name for reference in result.references]
    curves = []
    for task in tasks:
        kept = [findings.rankings.get((task.metadata.name, name)) for name in names]
        found = {name: rankings for name, rankings in zip(names, kept, strict=True) if rankings is not None}
        passages = len(data_of(task)["corpus"]) if task.metadata.type == "Retrieval" else 0
        cutoffs = tuple(k for k in CUTOFFS if k < passages)
        if cutoffs and len(found) == len(names):
            recall = {name: tuple(_recall(task, rankings, k) for k in cutoffs) for name, rankings in found.items()}
            curves.append(RecallCurve(task=task.metadata.name, cutoffs=cutoffs, recall=recall))
    return curves


def _recall(task: AbsTask, rankings: dict[str, Ranking], k: int) -> float:
    """Return the mean over ranked queries of the share of their answers among the first k, as trec_eval has it."""
    judged = data_of(task)["relevant_docs"]
    shares = []
    for qid, ranking in rankings.items():
        answers = sum(grade > 0 for grade in judged.get(qid, {}).values())
        if qid in judged:
            shares.append(sum(rank <= k for rank in ranking.ranks.values()) / answers if answers else 0.0)
    return sum(shares) / len(shares) if shares else 0.0
