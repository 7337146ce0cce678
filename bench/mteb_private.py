"""What the bench uses of mteb that mteb does not promise to keep: six private names, here and nowhere else.

`pyproject.toml` keeps mteb below the next minor version for their sake: raise the bound when the tests pass on it.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

# How mteb puts a text together for a model (title, instruction): no public function does. (1)
from mteb._create_dataloaders import create_dataloader

# How mteb seeds its tasks, which differs from what `numpy` alone would draw. (2)
from mteb._set_seed import _set_seed

# All benchmarks and their other names without loading one; the public `get_benchmarks` leaves the other names out. (3, 4)
from mteb.benchmarks.get_benchmark import _build_aliases_registry, _build_registry
from sklearn.metrics import roc_auc_score

if TYPE_CHECKING:
    from collections.abc import Sequence

    from datasets import Dataset
    from mteb.abstasks.task_metadata import TaskMetadata
    from mteb.types import PromptType

ROC_AUC = "cosine_roc_auc"
_BATCH = 512


def texts_for_models(rows: "Dataset", metadata: "TaskMetadata", prompt_type: "PromptType") -> list[str]:
    """Return the texts of queries or passages as mteb gives them to a model, in order."""
    batches = create_dataloader(rows, task_metadata=metadata, prompt_type=prompt_type, batch_size=_BATCH)
    return [text for batch in batches for text in batch["text"]]


def benchmarks() -> dict[str, Any]:
    """Return mteb's benchmarks by their names and other names."""
    return {**_build_registry(), **_build_aliases_registry()}


class WithRocAuc:
    """Adds the area under the ROC curve of mteb's own cosines to the scores of pair classification."""

    # The one place where the cosines and the labels of single pairs stand side by side. (5)
    def _compute_metrics(self, similarity_scores: "dict[str, list[float]]", labels: "Sequence[int]") -> dict[str, float]:
        scores: dict[str, float] = super()._compute_metrics(similarity_scores, labels)  # type: ignore[misc]  # mteb's class comes next
        return scores | {ROC_AUC: float(roc_auc_score(np.asarray(labels, dtype=np.int64), similarity_scores["cosine_scores"]))}


class SeededAnew:
    """Draws the same texts for every model: mteb's clustering goes on with one generator from model to model."""

    seed: int

    # The step of a subset, before which the generators can be set. (6)
    def _evaluate_subset(self, *args: object, **kwargs: object) -> dict[str, object]:
        self.rng_state, self.np_rng = _set_seed(self.seed)
        scores: dict[str, object] = super()._evaluate_subset(*args, **kwargs)  # type: ignore[misc]  # mteb's class comes next
        return scores
