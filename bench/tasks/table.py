"""What is shown and kept of each kind of mteb task, as one table."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any

from mteb.abstasks import AbsTask

from ...choices import Role
from ...errors import ConfigError, unknown_name
from ..mteb_private import ROC_AUC
from ..result import StatisticName
from . import items, texts
from .data import data_of
from .metric_names import RETRIEVAL_METRICS, RETRIEVAL_SHOWN

__all__ = ["TASK_KINDS", "TaskKind", "data_of", "kind_of"]


def _no_gold(_task: AbsTask) -> dict[str, float]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskKind:
    """One kind of task.

    Attributes:
        metrics: A metric's one spelling -> the key in mteb's scores; the first one is the main one.
        item_metric: What `score_items` gives; empty where items have no value.
        item: What one item is (a query, a pair, a row).
        score_items: The task and mteb's saved predictions -> item -> value: what paired statistics are computed from; empty where
            items make no score.
        statistic: How the values of the items make the score; "none" gives no interval.
        gold: The task -> item -> what its value is held against, for statistics of pairs.
        shown: The metrics of the table; empty shows all.
        texts: The task -> the texts that are encoded, by role.
        sizes: The task -> how large it is, in words and numbers.
        needs_vectors: Whether a Searcher, which ranks and has no vectors, cannot do it.
    """

    metrics: dict[str, str]
    item_metric: str
    item: str
    score_items: Callable[[AbsTask, Any], dict[str, float]]
    texts: Callable[[AbsTask], dict[Role, list[str]]]
    sizes: Callable[[AbsTask], dict[str, int]]
    needs_vectors: bool = True
    statistic: StatisticName = "none"
    gold: Callable[[AbsTask], dict[str, float]] = _no_gold
    shown: tuple[str, ...] = ()


_RETRIEVAL = TaskKind(
    metrics=RETRIEVAL_METRICS,
    shown=RETRIEVAL_SHOWN,
    statistic="mean",
    item_metric="nDCG@10",
    item="queries",
    score_items=items.score_queries,
    texts=texts.retrieval_texts,
    sizes=texts.retrieval_sizes,
    needs_vectors=False,
)
TASK_KINDS: dict[str, TaskKind] = {
    "Retrieval": _RETRIEVAL,
    "Reranking": replace(_RETRIEVAL, shown=("AP@1000", "nDCG@10", "RR@10"), needs_vectors=True),
    "STS": TaskKind(
        metrics={"Spearman": "cosine_spearman"},
        item_metric="cosine",
        item="pairs",
        score_items=items.score_pairs,
        texts=texts.pair_texts,
        sizes=texts.pair_sizes,
        statistic="Spearman",
        gold=items.similarities,
    ),
    "Classification": TaskKind(
        metrics={"Accuracy": "accuracy", "F1": "f1", "AP": "ap"},
        item_metric="Accuracy",
        item="rows",
        score_items=items.score_rows,
        texts=texts.classification_texts,
        sizes=texts.classification_sizes,
        statistic="mean",
    ),
    "PairClassification": TaskKind(
        metrics={"AP": "cosine_ap", "Accuracy": "cosine_accuracy", "F1": "cosine_f1", "AUC": ROC_AUC, "AP (max)": "max_ap"},
        item_metric="cosine",
        item="pairs",
        score_items=items.score_pairs,
        texts=texts.pair_texts,
        sizes=texts.pair_sizes,
        statistic="AP",
        gold=items.pair_labels,
        shown=("AP", "Accuracy", "F1", "AUC"),
    ),
    "Clustering": TaskKind(
        metrics={"V-measure": "v_measure"},
        item_metric="",
        item="rows",
        score_items=items.score_nothing,
        texts=texts.clustering_texts,
        sizes=texts.clustering_sizes,
    ),
}
"""Type of a task, as mteb names it -> its row. "AP (max)" is the best over mteb's five similarities: what MTEB publishes."""


def kind_of(task: AbsTask) -> TaskKind:
    """Return the row of a task's kind, with the metric of single queries that goes with the task's main score.

    Raises:
        ConfigError: the bench does not know this kind.
    """
    try:
        kind = TASK_KINDS[task.metadata.type]
    except KeyError:
        raise ConfigError(f"{task.metadata.name}: " + unknown_name("kind of task", task.metadata.type, tuple(TASK_KINDS))) from None
    if kind.item == "queries":
        return replace(kind, item_metric=items.query_metric(task))
    if task.metadata.type == "Classification" and task.data_loaded and _labels(task) != 2:
        return replace(kind, metrics={name: key for name, key in kind.metrics.items() if key != "ap"})  # mteb has it for two labels alone
    return kind


def _labels(task: AbsTask) -> int:
    labels: Collection[int] = data_of(task)["label"]
    return len(set(labels))
