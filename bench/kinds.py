"""What is shown and kept of each kind of mteb task, as one table."""

from collections.abc import Callable
from dataclasses import dataclass

import pytrec_eval
from mteb.abstasks import AbsTask

from ..encoder import Role
from ..errors import ConfigError, unknown_name


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskKind:
    """One kind of task.

    Attributes:
        metrics: A metric's one spelling -> the key in mteb's scores; the first one is the main one.
        item_metric: What `score_items` gives.
        item: What one item is (a query, a pair).
        score_items: The task and mteb's saved predictions -> item -> value: what paired statistics are computed from.
        texts: The task -> the texts that are encoded, by role.
        needs_vectors: Whether a Searcher, which ranks and has no vectors, cannot do it.
    """

    metrics: dict[str, str]
    item_metric: str
    item: str
    score_items: Callable[[AbsTask, dict], dict[str, float]]
    texts: Callable[[AbsTask], dict[Role, list[str]]]
    needs_vectors: bool = True


def data_of(task: AbsTask) -> dict:
    """Return the data of a task's first split, as mteb lays it out for that kind."""
    if not task.data_loaded:
        task.load_data()
    assert task.dataset is not None
    data: dict = task.dataset["default"][task.eval_splits[0]]
    return data


def _score_queries(task: AbsTask, predictions: dict[str, dict[str, float]]) -> dict[str, float]:
    """Return each query's nDCG@10, by the library and from the rankings that mteb scores."""
    evaluator = pytrec_eval.RelevanceEvaluator(data_of(task)["relevant_docs"], {"ndcg_cut.10"})
    return {qid: measures["ndcg_cut_10"] for qid, measures in evaluator.evaluate(predictions).items()}


def _score_pairs(_task: AbsTask, predictions: dict[str, list[float]]) -> dict[str, float]:
    """Return each pair's cosine; a rank correlation has no value of one pair alone."""
    return {str(row): value for row, value in enumerate(predictions["cosine_scores"], start=1)}


def _retrieval_texts(task: AbsTask) -> dict[Role, list[str]]:
    return {"query": list(data_of(task)["queries"]["text"]), "document": list(data_of(task)["corpus"]["text"])}


def _sts_texts(task: AbsTask) -> dict[Role, list[str]]:
    return {"document": [*data_of(task)["sentence1"], *data_of(task)["sentence2"]]}


TASK_KINDS: dict[str, TaskKind] = {
    "Retrieval": TaskKind(
        metrics={"nDCG@10": "ndcg_at_10", "recall@100": "recall_at_100", "MRR@10": "mrr_at_10"},
        item_metric="nDCG@10",
        item="queries",
        score_items=_score_queries,
        texts=_retrieval_texts,
        needs_vectors=False,
    ),
    "STS": TaskKind(
        metrics={"Spearman": "cosine_spearman"}, item_metric="cosine", item="pairs", score_items=_score_pairs, texts=_sts_texts
    ),
}


def kind_of(task: AbsTask) -> TaskKind:
    """Return the row of a task's kind.

    Raises:
        ConfigError: the bench does not know this kind.
    """
    try:
        return TASK_KINDS[task.metadata.type]
    except KeyError:
        raise ConfigError(f"{task.metadata.name}: " + unknown_name("kind of task", task.metadata.type, tuple(TASK_KINDS))) from None
