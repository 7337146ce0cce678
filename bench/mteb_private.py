"""What the bench adds to mteb's kinds of task, as classes laid over them: ROC-AUC, and a clustering that draws the same each time."""

from typing import TYPE_CHECKING

import numpy as np
from mteb._set_seed import _set_seed
from mteb.abstasks import AbsTask
from sklearn.metrics import roc_auc_score

if TYPE_CHECKING:
    from collections.abc import Sequence

ROC_AUC = "cosine_roc_auc"


class WithRocAuc:
    """Adds the area under the ROC curve of mteb's own cosines to the scores of pair classification."""

    def _compute_metrics(self, similarity_scores: "dict[str, list[float]]", labels: "Sequence[int]") -> dict[str, float]:
        scores: dict[str, float] = super()._compute_metrics(similarity_scores, labels)  # type: ignore[misc]  # mteb's class comes next
        return scores | {ROC_AUC: float(roc_auc_score(np.asarray(labels, dtype=np.int64), similarity_scores["cosine_scores"]))}


class SeededAnew:
    """Draws the same texts for every model: mteb's clustering goes on with one generator from model to model."""

    seed: int

    def _evaluate_subset(self, *args: object, **kwargs: object) -> dict[str, object]:
        self.rng_state, self.np_rng = _set_seed(self.seed)
        scores: dict[str, object] = super()._evaluate_subset(*args, **kwargs)  # type: ignore[misc]  # mteb's class comes next
        return scores


LAID_OVER: dict[str, type] = {"PairClassification": WithRocAuc, "Clustering": SeededAnew}
"""Type of a task -> what is laid over mteb's class."""


def laid_over(cls: type[AbsTask]) -> type[AbsTask]:
    """Return mteb's class of a task with what the bench adds to tasks of its type; the class itself where that is nothing."""
    own = LAID_OVER.get(cls.metadata.type)
    return type(cls.__name__, (own, cls), {"__doc__": cls.__doc__}) if own else cls
