"""The losses of a batch: one table. Importing it loads no torch: a row names its function, which is imported when it is called."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ...errors import ConfigError, DataError, unknown_name
from ..sides.table import AGAINST_CORPUS, reads_corpus

if TYPE_CHECKING:
    from torch import Tensor

    from ..settings.joined import TrainSettings
    from ..settings.loss import LossSettings
    from .batch import CorpusTargets, EmbeddedBatch

    Compute = Callable[[EmbeddedBatch, LossSettings], Tensor]
    AgainstCorpus = Callable[[Tensor, CorpusTargets, LossSettings], Tensor]

Need = Literal["negatives", "targets", "guide", "anchor"]
"""What a batch may have beside vectors and their relation, by the names of its fields."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """A row of the table.

    Attributes:
        compute: An embedded batch and the settings -> a scalar.
        against_corpus: Live query vectors, (q, d), the stored vectors of a whole corpus and the settings -> a scalar; None: it has no such form.
        with_queries_alone: Whether queries can be trained with it while passages keep stored vectors: those of the whole corpus where it has a
            form for them, else those of the batch.
        needs: What it needs of a batch beside vectors and their relation.
        settings: The names of the settings that it reads, those that its batches are drawn by included.
        source: The paper's URL.
        use: One line: when to use it.
    """

    compute: Compute
    against_corpus: AgainstCorpus | None = None
    with_queries_alone: bool = True
    needs: tuple[Need, ...] = ()
    settings: tuple[str, ...]
    source: str
    use: str


def _in(module: str, function: str) -> Compute:
    """Return the loss `function` of `module`."""

    def compute(batch: EmbeddedBatch, settings: LossSettings) -> Tensor:
        result: Tensor = getattr(importlib.import_module(f".{module}", __package__), function)(batch, settings)
        return result

    return compute


def _in_corpus(module: str, function: str) -> AgainstCorpus:
    """Return the form of a loss against the whole corpus, `function` of `module`."""

    def compute(queries: Tensor, targets: CorpusTargets, settings: LossSettings) -> Tensor:
        result: Tensor = getattr(importlib.import_module(f".{module}", __package__), function)(queries, targets, settings)
        return result

    return compute


_IN_BATCH = ("corpus_negatives", "in_batch_negatives")
_CONTRASTIVE = ("temperature", *_IN_BATCH, "frequency_correction")
_CORPUS = ("corpus", *AGAINST_CORPUS)
_MARGIN = ("margin", "distance")

LOSSES: dict[str, Loss] = {
    "infonce": Loss(
        compute=_in("infonce", "info_nce"),
        against_corpus=_in_corpus("whole_corpus", "info_nce_against_corpus"),
        settings=(*_CONTRASTIVE, *_CORPUS),
        source="https://arxiv.org/abs/1807.03748",
        use="by default",
    ),
    "symmetric_infonce": Loss(
        compute=_in("symmetric", "symmetric_info_nce"),
        with_queries_alone=False,  # half of it is how passages find queries
        settings=_CONTRASTIVE,
        source="https://arxiv.org/abs/2103.00020",
        use="when passages are searched with passages, or queries with queries, too",
    ),
    "triplet": Loss(
        compute=_in("triplet", "triplet"),
        needs=("negatives",),
        settings=_MARGIN,
        source="https://arxiv.org/abs/1503.03832",
        use="with negatives that were chosen by hand, and are to stay where the margin is kept",
    ),
    "triplet_hard": Loss(
        compute=_in("triplet", "triplet_hard"),
        settings=(*_MARGIN, *_IN_BATCH),
        source="https://arxiv.org/abs/1703.07737",
        use="with clean labels; of each query the worst positive and the worst negative of the batch",
    ),
    "triplet_semi_hard": Loss(
        compute=_in("triplet", "triplet_semi_hard"),
        settings=(*_MARGIN, *_IN_BATCH),
        source="https://arxiv.org/abs/1503.03832",
        use="as `triplet_hard`, where some negatives are right answers in truth",
    ),
    "contrastive": Loss(
        compute=_in("contrastive", "contrastive"),
        needs=("negatives",),
        settings=_MARGIN,
        source="https://doi.org/10.1109/CVPR.2006.100",
        use="with labelled pairs: duplicates or not, entailed or not",
    ),
    "online_contrastive": Loss(
        compute=_in("contrastive", "online_contrastive"),
        needs=("negatives",),
        settings=_MARGIN,
        source="https://www.sbert.net/docs/package_reference/sentence_transformer/losses.html#onlinecontrastiveloss",
        use="as `contrastive`, of the hard pairs of each batch alone; in large batches",
    ),
    "cosent": Loss(
        compute=_in("cosent", "cosent"),
        needs=("targets",),
        settings=("temperature",),
        source="https://doi.org/10.1109/TASLP.2024.3402087",
        use="with scored pairs, on whatever scale: similarity of sentences",
    ),
    "angle": Loss(
        compute=_in("angle", "angle"),
        needs=("targets",),
        settings=("temperature",),
        source="https://arxiv.org/abs/2309.12871",
        use="as `cosent`, where most cosines are near 1",
    ),
    "margin_mse": Loss(
        compute=_in("margin_mse", "margin_mse"),
        needs=("targets",),
        settings=("teacher_temperature",),
        source="https://arxiv.org/abs/2010.02666",
        use="with a teacher's scores of positives and negatives, on the scale of cosines",
    ),
    "distil": Loss(
        compute=_in("distillation", "distil"),
        needs=("targets",),
        settings=("temperature", "teacher_temperature"),
        source="https://arxiv.org/abs/2010.11386",
        use="with a teacher's scores on any scale, such as a reranker's",
    ),
    "gist": Loss(
        compute=_in("gist", "gist"),
        needs=("guide",),
        settings=("temperature", "margin", "guide", *_IN_BATCH),
        source="https://arxiv.org/abs/2402.16829",
        use="when the passages of other queries are often right answers, and something stronger than the base can tell",
    ),
}
"""Name -> loss. The anchor loss (`anchor.py`) and Matryoshka (`matryoshka.py`) are laid over any of them."""


def find_loss(name: str) -> Loss:
    """Return the row of a loss.

    Raises:
        ConfigError: there is none; the message lists those that exist.
    """
    if name not in LOSSES:
        raise ConfigError(unknown_name("loss", name, tuple(LOSSES)))
    return LOSSES[name]


def compares_whole_corpus(settings: TrainSettings) -> bool:
    """Return whether queries are compared with all stored vectors of a corpus; else with passages of their batch at most."""
    return reads_corpus(settings) and find_loss(settings.loss).against_corpus is not None


def compute_loss(batch: EmbeddedBatch, settings: LossSettings) -> Tensor:
    """Return the chosen loss of a batch, over its dimensions and with the anchor loss where those are set, a scalar.

    Raises:
        DataError: the batch lacks what the loss needs.
        ConfigError: a dimension exceeds that of the vectors.
    """
    loss = find_loss(settings.loss)
    missing = [need for need in loss.needs if getattr(batch, need) is None]
    if missing:
        raise DataError(f"the loss {settings.loss} needs {' and '.join(missing)}, which these data do not give; choose another loss")
    value = _over_dims(loss.compute, batch, settings) if settings.dims else loss.compute(batch, settings)
    return value if batch.anchor is None else value + settings.anchor * _distance_to_anchor(batch)


def _over_dims(compute: Compute, batch: EmbeddedBatch, settings: LossSettings) -> Tensor:
    from .matryoshka import over_dims

    return over_dims(compute, batch, settings)


def _distance_to_anchor(batch: EmbeddedBatch) -> Tensor:
    from .anchor import distance_to_anchor

    return distance_to_anchor(batch)


def compute_corpus_loss(queries: Tensor, targets: CorpusTargets, settings: LossSettings) -> Tensor:
    """Return the chosen loss of live queries against stored vectors of a whole corpus, a scalar.

    Args:
        queries: (q, d), length 1.
        targets: What they are compared with.
        settings: Names a loss that has such a form, which a configuration checks.
    """
    against = find_loss(settings.loss).against_corpus
    if against is None:
        raise ValueError(f"the loss {settings.loss} has no form against the whole corpus")
    return against(queries, targets, settings)
