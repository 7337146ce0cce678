"""Dev metrics of pairs and classes: cosines against similarities or labels, and classes that were predicted against those that were given."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


def spearman(x: Numbers, y: Numbers) -> float:
    """Return the rank correlation of two rows of numbers (n,); ties share their mean rank, and a constant correlates with nothing (0)."""
    ranks = [_mean_ranks(values) for values in (x, y)]
    centred = [rank - rank.mean() for rank in ranks]
    length = float(np.linalg.norm(centred[0]) * np.linalg.norm(centred[1]))
    return float(centred[0] @ centred[1]) / length if length else 0.0


def _mean_ranks(values: Numbers) -> Numbers:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Numbers = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return ranks


def best_accuracy(cosines: Numbers, labels: Numbers) -> float:
    """Return the share of pairs that the best threshold on the cosine, (n,), tells apart as the labels, 0 or 1, do."""
    right, wrong = _above(cosines, labels)
    negatives = float((labels == 0).sum())
    return float((right + negatives - wrong).max()) / len(labels)


def best_f1(cosines: Numbers, labels: Numbers) -> float:
    """Return F1 of the pairs that belong together, at the threshold on the cosine where it is highest."""
    right, wrong = _above(cosines, labels)
    return float((2 * right / np.maximum(right + wrong + labels.sum(), 1)).max())


def _above(cosines: Numbers, labels: Numbers) -> tuple[Numbers, Numbers]:
    """Return, for a threshold above all cosines and one below each distinct one, how many pairs of label 1 and of label 0 lie above it."""
    order = np.argsort(-cosines, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(cosines[order])), len(cosines) - 1)  # pairs of one cosine are on one side
    right, wrong = (np.cumsum(labels[order] == label)[ends].astype(np.float64) for label in (1, 0))
    return np.append(0.0, right), np.append(0.0, wrong)


def average_precision(cosines: Numbers, labels: Numbers) -> float:
    """Return the average precision of the pairs that belong together, by cosine."""
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(labels, cosines))


def area_under_curve(cosines: Numbers, labels: Numbers) -> float:
    """Return the area under the receiver operating characteristic: how often a pair of label 1 is above one of label 0."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(labels, cosines))


PAIR_METRICS: dict[str, Callable[[Numbers, Numbers], float]] = {
    "Spearman": spearman,
    "Accuracy": best_accuracy,
    "F1": best_f1,
    "AP": average_precision,
    "AUC": area_under_curve,
}
"""Name -> cosines and targets, both (n,) -> the metric, 0 to 1 (Spearman: -1 to 1)."""


def _accuracy(shares: Numbers, given: NDArray[np.int64]) -> float:
    return float((shares.argmax(axis=1) == given).mean())


def _macro_f1(shares: Numbers, given: NDArray[np.int64]) -> float:
    from sklearn.metrics import f1_score

    return float(f1_score(given, shares.argmax(axis=1), average="macro", zero_division=0.0))


def _macro(score: Callable[[Numbers, Numbers], float]) -> Callable[[Numbers, NDArray[np.int64]], float]:
    def mean(shares: Numbers, given: NDArray[np.int64]) -> float:
        return float(np.mean([score(shares[:, each], (given == each).astype(np.float64)) for each in np.unique(given)]))

    return mean


CLASS_METRICS: dict[str, Callable[[Numbers, NDArray[np.int64]], float]] = {
    "Accuracy": _accuracy,
    "F1": _macro_f1,
    "AP": _macro(average_precision),
    "AUC": _macro(area_under_curve),
}
"""Name -> the probability of each class, (n, classes), and the number of the given one, (n,) -> the metric, 0 to 1; all but the accuracy are
means over the classes that are given, each against the rest."""
