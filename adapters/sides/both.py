"""Queries and passages through the network; beside it, where that is asked for, the queries against the whole corpus as it is stored."""

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
from ..gradients import backpropagate, batch_loss
from ..losses.table import compute_corpus_loss
from ..others import Others
from ..processes.world import ALONE, World
from ..strategies.protocol import TrainedParameter
from ..token_ids import TokenIds
from .protocol import StepLoss


@dataclass(slots=True)
class BothSides:
    """See `Objective`.

    Against the corpus, positives and negatives alike are stored vectors, so that the query side alone learns from that part: beside
    stored vectors a live passage would be told by how far it has moved, and not by what it says.
    """

    batches: Batches
    config: TrainConfig
    corpus: StoredCorpus | None
    others: Others
    world: World = ALONE

    def trained(self) -> Sequence[TrainedParameter]:
        """Return nothing: the strategy's parameters alone are trained."""
        return ()

    def texts(self) -> dict[Role, list[str]]:
        """Return the training queries, and the passages that pairs name."""
        return self.batches.texts()

    def refreshes(self, step: int) -> bool:
        """Ask the corpus, where there is one."""
        return self.corpus is not None and self.corpus.refreshes(step, self.batches.steps_per_epoch)

    def refresh(self, base: Base, token_ids: TokenIds, some: int | None = None) -> None:
        """Find the nearest passages of each training query."""
        assert self.corpus is not None  # else nothing is refreshed
        self.corpus.refresh(base, self.config, token_ids, some, self.world)

    def accumulate(self, base: Base, step: int, seed: int, token_ids: TokenIds | None = None) -> StepLoss:
        """Embed a batch's queries and passages, and go back through the network."""
        batch, share, config = self.batches.batch(step), self.config.corpus, self.config
        others = self.others.of_batch(batch)
        targets = None if self.corpus is None else self.corpus.targets(self.batches.query_ids(step), step)

        def loss_of(vectors: Sequence[Tensor]) -> Tensor:
            queries, passages, *general = vectors
            loss = batch_loss(queries, passages, batch, config, others)
            if targets is not None:
                against_corpus = compute_corpus_loss(queries, targets, config) + self.others.held_to_batch(queries, passages, others)
                loss = (1 - share) * loss + share * against_corpus  # the anchor loss, in both, is not shared
            return loss + self.others.held_to_general(step, general)

        sides: list[tuple[Role, list[str]]] = [("query", batch.queries), ("document", batch.passages), *self.others.sides(step)]
        return StepLoss(backpropagate(base, sides, loss_of, config, seed, token_ids=token_ids, world=self.world), int(batch.positive.sum()))

    def scored(self, dev: DevSet) -> tuple[Role, list[str]]:
        """Return both sides."""
        return "document", [*dev.queries.values(), *dev.passages.values()]

    def score(self, dev: DevSet, encoder: Encodes) -> float:
        """Embed both sides of dev."""
        return dev.score(encoder)
