"""What is kept of mteb's predictions while a bench runs: of every query, where its answers stand and what stands first."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mteb.abstasks import AbsTask

from ..run.cells import Cell
from ..run.models import Model
from ..tasks.data import data_of
from ..tasks.kind import Ranking
from ..tasks.table import kind_of


@dataclass(frozen=True, slots=True)
class Findings:
    """What is kept of each cell, by (task, reference): mteb's own result, and of retrieval the rankings by query."""

    results: dict[tuple[str, str], dict] = field(default_factory=dict)
    rankings: dict[tuple[str, str], dict[str, Ranking]] = field(default_factory=dict)

    def keep(self, model: Model, task: AbsTask, cell: Cell) -> None:
        """Keep what is wanted later of a cell; its predictions as a whole would be too much."""
        key = (task.metadata.name, model.name)
        self.results[key] = cell.task_result
        if kind_of(task).item == "queries":
            self.rankings[key] = _rankings(task, cell.predicted(task.eval_splits[0]))


def _rankings(task: AbsTask, predicted: Mapping[str, Mapping[str, float]]) -> dict[str, Ranking]:
    judged, rankings = data_of(task)["relevant_docs"], dict[str, Ranking]()
    for qid, scores in predicted.items():
        ranked = {pid: score for pid, score in scores.items() if pid != qid} if task.ignore_identical_ids else scores
        if ranked:
            rankings[qid] = _rank(judged.get(qid, {}), ranked)
    return rankings


def _rank(judged: Mapping[str, int], scores: Mapping[str, float]) -> Ranking:
    """Rank as trec_eval does: the higher score first, and of equal ones the greater id."""
    ordered = sorted(scores, key=lambda pid: (scores[pid], pid), reverse=True)
    return Ranking(ordered[0], {pid: rank for rank, pid in enumerate(ordered, start=1) if judged.get(pid, 0) > 0})
