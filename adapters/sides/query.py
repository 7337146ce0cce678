"""Queries alone through the network, against the base's vectors of the whole corpus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from ...base.load import Base
from ...choices import Role
from ...data.dev_set import DevSet
from ...encoders.protocol import Encodes
from ..batches import Batches
from ..config import TrainConfig
from ..corpus.stored import StoredCorpus
from ..gradients import backpropagate
from ..losses.table import compute_corpus_loss
from ..token_ids import TokenIds
from .protocol import StepLoss


@dataclass(slots=True)
class QuerySide:
    """See `Objective`. No passage goes through the network."""

    batches: Batches
    config: TrainConfig
    corpus: StoredCorpus

    def texts(self) -> dict[Role, list[str]]:
        """Return the training queries."""
        return {"query": self.batches.texts()["query"]}

    def refreshes(self, step: int) -> bool:
        """Ask the corpus."""
        return self.corpus.refreshes(step, self.batches.steps_per_epoch)

    def refresh(self, base: Base, token_ids: TokenIds, some: int | None = None) -> None:
        """Find the nearest passages of each training query."""
        self.corpus.refresh(base, self.config, token_ids, some)

    def accumulate(self, base: Base, step: int, seed: int, token_ids: TokenIds | None = None) -> StepLoss:
        """Embed a batch's queries, and go back through the network."""
        query_ids = self.batches.query_ids(step)
        targets = self.corpus.targets(query_ids, step)

        def loss_of(vectors: Sequence[Tensor]) -> Tensor:
            (queries,) = vectors
            return compute_corpus_loss(queries, targets, self.config)

        sides: list[tuple[Role, list[str]]] = [("query", self.batches.queries(query_ids))]
        return StepLoss(backpropagate(base, sides, loss_of, self.config, seed, token_ids=token_ids), targets.positive.shape[1])

    def scored(self, dev: DevSet) -> tuple[Role, list[str]]:
        """Return the queries; passages have their stored vectors."""
        return "query", list(dev.queries.values())

    def score(self, dev: DevSet, encoder: Encodes) -> float:
        """Embed the queries of dev; its passages have their stored vectors."""
        return dev.score_queries(encoder, self.corpus.of_passages(dev.passages))
