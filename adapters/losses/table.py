"""The losses of a batch: one table. Importing it loads no torch: a row names its function, which is imported when it is called."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ...errors import ConfigError, DataError, unknown_name
from ..sides.table import AGAINST_CORPUS

if TYPE_CHECKING:
    from torch import Tensor

    from ..settings.loss import LossSettings
    from .batch import CorpusTargets, EmbeddedBatch

    Compute = Callable[[EmbeddedBatch, LossSettings], Tensor]
    AgainstCorpus = Callable[[Tensor, CorpusTargets, LossSettings], Tensor]

Need = Literal["targets", "weights", "anchor"]
"""What a batch may have beside vectors and their relation, by the names of its fields."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """A row of the table.

    Attributes:
        compute: An embedded batch and the settings -> a scalar.
        against_corpus: Live query vectors, (q, d), the stored vectors of a whole corpus and the settings -> a scalar; None: it has no such form.
        needs: What it needs of a batch beside vectors and their relation.
        settings: The names of the settings that it reads, those that its batches are drawn by included.
        source: The paper's URL.
        use: One line: when to use it.
    """

    compute: Compute
    against_corpus: AgainstCorpus | None = None
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


_CONTRASTIVE = ("temperature", "corpus_negatives", "frequency_correction")
_CORPUS = ("corpus", *AGAINST_CORPUS)

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
        settings=_CONTRASTIVE,
        source="https://arxiv.org/abs/2103.00020",
        use="when passages are searched with passages, or queries with queries, too",
    ),
}


def find_loss(name: str) -> Loss:
    """Return the row of a loss.

    Raises:
        ConfigError: there is none; the message lists those that exist.
    """
    if name not in LOSSES:
        raise ConfigError(unknown_name("loss", name, tuple(LOSSES)))
    return LOSSES[name]


def compute_loss(batch: EmbeddedBatch, settings: LossSettings) -> Tensor:
    """Return the chosen loss of a batch, a scalar.

    Raises:
        DataError: the batch lacks what the loss needs.
    """
    loss = find_loss(settings.loss)
    missing = [need for need in loss.needs if getattr(batch, need) is None]
    if missing:
        raise DataError(f"the loss {settings.loss} needs {' and '.join(missing)}, which these data do not give; choose another loss")
    return loss.compute(batch, settings)


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
