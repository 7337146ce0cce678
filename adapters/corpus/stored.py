"""A corpus as training stores it: its vectors, and which rows of them answer which query."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...base.load import Base
from ...encoders.protocol import Vectors
from ...index.rows import CorpusRows
from ..config import TrainConfig
from ..losses.batch import CorpusTargets
from ..processes.world import ALONE, World
from ..token_ids import TokenIds
from .sampling import Sampling
from .vectors import CorpusVectors


@dataclass(slots=True)
class StoredCorpus:
    """What queries are compared with in one run.

    Attributes:
        vectors: Of the corpus.
        rows: What its rows are to the training queries.
        sampling: What is compared in place of the whole corpus; None: all of it is.
        unnamed_weight: What a passage that no training pair names counts for as a negative.
        log_shares: The same by rows; see `CorpusTargets`.
    """

    vectors: CorpusVectors
    rows: CorpusRows
    sampling: Sampling | None = None
    unnamed_weight: float = 1.0
    log_shares: Tensor | None = None

    def refreshes(self, step: int, steps_per_epoch: int) -> bool:
        """Return whether the nearest passages are to be found before a step: never, where all passages are compared."""
        return self.sampling is not None and self.sampling.is_due(step, steps_per_epoch)

    def refresh(self, base: Base, config: TrainConfig, token_ids: TokenIds, some: int | None = None, world: World = ALONE) -> None:
        """Find the nearest passages of every training query, with the network as it stands; of `some`, which then stand for all."""
        if self.sampling is not None:
            self.sampling.refresh(base, config, token_ids, self.vectors, some, world)

    def targets(self, query_ids: Sequence[str], step: int) -> CorpusTargets:
        """Return what the queries of a step are compared with.

        Raises:
            AdaptError: the vectors have changed on the disk.
        """
        self.vectors.check_unchanged()
        everything = self.everything(query_ids)
        if self.sampling is None:
            return everything
        return replace(everything, drawn=self.sampling.draw(query_ids, step, self.vectors.count))

    def everything(self, query_ids: Sequence[str]) -> CorpusTargets:
        """Return some training queries' whole corpus, with what answers them and what does not count."""
        return CorpusTargets(
            vectors=self.vectors,
            positive=self.rows.positives(query_ids),
            excluded=self.rows.exclusions(query_ids),
            copies=torch.from_numpy(self.rows.copies),
            weights=self.rows.weights(query_ids),
            log_shares=self.log_shares,
        )

    def of_passages(self, passage_ids: Iterable[str]) -> Vectors:
        """Return the stored vectors of some passages, (n, d) float32.

        Raises:
            AdaptError: the vectors have changed on the disk.
        """
        self.vectors.check_unchanged()
        rows = torch.tensor([self.rows.row[pid] for pid in passage_ids])
        found: Vectors = self.vectors.rows(rows).float().cpu().numpy()
        return found
