"""What single items of a task scored, from the predictions that mteb saved, and what they are held against."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytrec_eval
from mteb.abstasks import AbsTask
from sklearn.model_selection import KFold

from .data import data_of
from .metric_names import RETRIEVAL_METRICS, main_metric

_MEASURES = {"ndcg": "ndcg_cut", "map": "map_cut", "recall": "recall", "precision": "P"}
"""mteb's families of retrieval metrics -> those of the library that it scores with; the ones that have a value of each query."""


def query_metric(task: AbsTask) -> str:
    """Return the metric of single queries: the task's main one, or nDCG@10 where that has none of a query."""
    family = task.metadata.main_score.partition("_at_")[0]
    return main_metric(RETRIEVAL_METRICS, task.metadata.main_score) if family in _MEASURES else "nDCG@10"


def score_queries(task: AbsTask, predictions: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Return each query's metric, by the library and from the rankings that mteb scores."""
    family, _, cutoff = RETRIEVAL_METRICS[query_metric(task)].partition("_at_")
    if task.ignore_identical_ids:
        predictions = {qid: {pid: score for pid, score in ranked.items() if pid != qid} for qid, ranked in predictions.items()}
    evaluator = pytrec_eval.RelevanceEvaluator(data_of(task)["relevant_docs"], {f"{_MEASURES[family]}.{cutoff}"})
    return {qid: measures[f"{_MEASURES[family]}_{cutoff}"] for qid, measures in evaluator.evaluate(predictions).items()}


def score_pairs(_task: AbsTask, predictions: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Return each pair's cosine; what is made of ranks has no value of one pair alone."""
    return _numbered(predictions["cosine_scores"])


def score_rows(task: AbsTask, predictions: Sequence[Sequence[int]]) -> dict[str, float]:
    """Return the share of mteb's experiments in which each row got its label."""
    labels = np.asarray(data_of(task)["label"])
    if task.is_cross_validation:  # each experiment predicts another part of the rows
        folds = KFold(n_splits=task.n_splits, shuffle=True, random_state=task.seed).split(np.arange(len(labels)))
        right = np.zeros(len(labels))
        for (_, rows), predicted in zip(folds, predictions, strict=True):
            right[rows] = np.asarray(predicted) == labels[rows]
        return _numbered(right)
    return _numbered((np.asarray(predictions) == labels).mean(axis=0))


def score_nothing(_task: AbsTask, _predictions: object) -> dict[str, float]:
    """Return nothing: the score of a clustering is one of the whole set."""
    return {}


def similarities(task: AbsTask) -> dict[str, float]:
    """Return what people said of each pair."""
    return _numbered(data_of(task)["score"])


def pair_labels(task: AbsTask) -> dict[str, float]:
    """Return 1 for each pair that belongs together, else 0."""
    return _numbered(data_of(task)["labels"])


def _numbered(values: "Sequence[float] | np.ndarray") -> dict[str, float]:
    return {str(row): float(value) for row, value in enumerate(values, start=1)}
