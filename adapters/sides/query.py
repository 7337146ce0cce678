"""Queries alone through the network, against the base's vectors: of the whole corpus, or of the passages of their batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ...base.load import Base
from ...choices import Role
from ...data.dev_set import DevSet
from ...encoders.protocol import Encodes
from ..batches import Batches
from ..config import TrainConfig
from ..corpus.stored import StoredCorpus
from ..gradients import backpropagate, batch_loss
from ..losses.table import compares_whole_corpus, compute_corpus_loss
from ..others import Others
from ..processes.world import ALONE, World
from ..strategies.protocol import TrainedParameter
from ..token_ids import TokenIds
from .protocol import StepLoss

_Step = tuple[list[str], Callable[[Tensor], Tensor], int]
"""The queries of a step, the loss of their vectors, and how many pairs it is of."""


@dataclass(slots=True)
class QuerySide:
    """See `Objective`. No passage goes through the network."""

    batches: Batches
    config: TrainConfig
    corpus: StoredCorpus
    others: Others
    world: World = ALONE

    def trained(self) -> Sequence[TrainedParameter]:
        """Return nothing: the strategy's parameters alone are trained."""
        return ()

    def texts(self) -> dict[Role, list[str]]:
        """Return the training queries."""
        return {"query": self.batches.texts()["query"]}

    def refreshes(self, step: int) -> bool:
        """Ask the corpus."""
        return self.corpus.refreshes(step, self.batches.steps_per_epoch)

    def refresh(self, base: Base, token_ids: TokenIds, some: int | None = None) -> None:
        """Find the nearest passages of each training query."""
        self.corpus.refresh(base, self.config, token_ids, some, self.world)

    def accumulate(self, base: Base, step: int, seed: int, token_ids: TokenIds | None = None) -> StepLoss:
        """Embed a batch's queries, and go back through the network."""
        texts, loss_of_queries, pairs = self._whole_corpus(step) if compares_whole_corpus(self.config) else self._own_passages(step)

        def loss_of(vectors: Sequence[Tensor]) -> Tensor:
            queries, *general = vectors
            return loss_of_queries(queries) + self.others.held_queries(queries, texts) + self.others.held_to_general(step, general)

        sides: list[tuple[Role, list[str]]] = [("query", texts), *self.others.sides(step)]
        return StepLoss(backpropagate(base, sides, loss_of, self.config, seed, token_ids=token_ids, world=self.world), pairs)

    def _whole_corpus(self, step: int) -> _Step:
        """Compare the queries of a step with all passages."""
        query_ids = self.batches.query_ids(step)
        targets = self.corpus.targets(query_ids, step)
        pairs = targets.positive.shape[1]
        return self.batches.queries(query_ids), lambda queries: compute_corpus_loss(queries, targets, self.config), pairs

    def _own_passages(self, step: int) -> _Step:
        """Compare the queries of a step with the passages of its batch, as they are stored."""
        batch, config = self.batches.batch(step), self.config
        passages = torch.from_numpy(self.corpus.of_passages(batch.passage_ids))
        others = self.others.of_batch(batch)

        def loss_of_queries(queries: Tensor) -> Tensor:
            return batch_loss(queries, passages.to(queries.device), batch, config, others)

        return batch.queries, loss_of_queries, int(batch.positive.sum())

    def scored(self, dev: DevSet) -> tuple[Role, list[str]]:
        """Return the queries; passages have their stored vectors."""
        return "query", list(dev.queries.values())

    def score(self, dev: DevSet, encoder: Encodes) -> float:
        """Embed the queries of dev; its passages have their stored vectors."""
        return dev.score_queries(encoder, self.corpus.of_passages(dev.passages))
