"""Which passages stand for a corpus that is too large to be compared as a whole: each query's nearest ones, and a sample of the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from ...base.load import Base
from ...encoders.forward import uses_bf16
from ...index.approximate import NONE, ApproximateIndex, build_approximate, is_installed
from ...index.nearest import nearest_rows
from ..config import TrainConfig
from ..gradients import embed_texts
from ..losses.batch import Drawn
from ..processes.world import ALONE, World, share_rows
from ..token_ids import TokenIds
from .vectors import CorpusVectors

CANDIDATES = 1024
"""Nearest passages of each query, unless a number was given."""
CORPUS_COST, CORPUS_COST_BF16 = 0.9, 2.7
"""How long a multiplication of the loss, which is in float32, takes in terms of one of the network forwards in training (docs/log/)."""
EXACT_LIMIT = 20_000_000_000
"""Above so many comparisons of a query with a passage in a run, building an approximate index and searching it takes less (docs/log/)."""
_QUERIES = 1024


@dataclass(slots=True)
class Sampling:
    """The nearest passages of every training query, found anew once an epoch, and the samples of the steps.

    Attributes:
        candidates: Nearest passages of each query.
        sample: Passages that are drawn in each step.
        seed: Of the samples.
        queries: Query id -> text, of all training queries.
        left_out: Rows of the corpus that count for no query, ascending.
        approximate: Whether an approximate index finds the nearest passages. It is built once a run.
    """

    candidates: int
    sample: int
    seed: int
    queries: dict[str, str]
    left_out: Tensor
    approximate: bool = False
    _index: ApproximateIndex | None = field(default=None, init=False)
    _nearest: Tensor | None = field(default=None, init=False)
    _number: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self._number = {qid: number for number, qid in enumerate(self.queries)}

    def is_due(self, step: int, steps_per_epoch: int) -> bool:
        """Return whether the nearest passages are to be found before a step: at the beginning of each epoch."""
        return self._nearest is None or step % steps_per_epoch == 0

    def refresh(
        self,
        base: Base,
        config: TrainConfig,
        token_ids: TokenIds,
        vectors: CorpusVectors,
        some: int | None = None,
        world: World = ALONE,
    ) -> None:
        """Find the nearest passages of every training query, with the network as it stands; of `some`, which then stand for all."""

        def find(texts: Sequence[str]) -> Tensor:
            queries = embed_texts(base, list(texts), "query", config, token_ids)
            search = self._find_approximately if self.approximate else self._find
            return search(queries, vectors).to("cpu", torch.int32)

        nearest = share_rows(world, list(self.queries.values())[:some], find)
        self._nearest = nearest[torch.arange(len(self.queries)) % len(nearest)]

    def _find(self, queries: Tensor, vectors: CorpusVectors) -> Tensor:
        return nearest_rows(queries, vectors, self.candidates, self.left_out)

    def _find_approximately(self, queries: Tensor, vectors: CorpusVectors) -> Tensor:
        """Search the index; queries of which it finds too few are compared with everything."""
        if self._index is None:
            self._index = build_approximate(vectors, self.left_out, "finding candidates in a corpus of this size")
        found = torch.cat([torch.from_numpy(self._index.nearest(some, self.candidates)) for some in torch.split(queries, _QUERIES)])
        short = (found == NONE).any(1)
        if short.any():
            found[short] = self._find(queries[short.to(queries.device)], vectors).cpu()
        return found

    def draw(self, query_ids: Sequence[str], step: int, count: int) -> Drawn:
        """Return what the queries of a step are compared with, of a corpus of so many rows."""
        assert self._nearest is not None  # refreshed before the first step
        nearest = self._nearest[[self._number[qid] for qid in query_ids]].long()
        drawn = np.random.default_rng([self.seed, step, 1]).choice(count, self.sample, replace=False)
        return Drawn(nearest=nearest, sample=torch.from_numpy(np.sort(drawn)))


def choose_candidates(config: TrainConfig, base: Base, count: int, token_ids: TokenIds, queries: Sequence[str]) -> int:
    """Return how many nearest passages of each query are compared exactly; 0: the whole corpus is.

    Args:
        config: What was asked for.
        base: What is trained over.
        count: Passages of the corpus, copies counted once.
        token_ids: Gives the length of the queries.
        queries: That are trained on.
    """
    wanted = CANDIDATES if config.candidates is None else config.candidates
    if not wanted or count <= wanted + config.rest_sample:
        return 0
    cost = CORPUS_COST_BF16 if uses_bf16(base.device, config.precision) else CORPUS_COST
    if config.candidates is None and count * base.spec.dimension * cost <= network_cost(base, token_ids, queries):
        return 0
    return wanted


def is_approximate(config: TrainConfig, base: Base, count: int, queries: int) -> bool:
    """Return whether an approximate index finds the candidates: where it is installed, on a CPU, and takes less time than comparing everything.

    Args:
        config: Gives the epochs, at the beginning of which candidates are found.
        base: Says where is computed.
        count: Passages of the corpus.
        queries: How many are trained on.
    """
    return base.device.type == "cpu" and queries * count * config.epochs > EXACT_LIMIT and is_installed()


def network_cost(base: Base, token_ids: TokenIds, queries: Sequence[str]) -> float:
    """Return the multiplications that a query takes in the network, forwards, on average over some queries."""
    ids = token_ids.of(queries, "query")
    tokens = sum(map(len, ids)) / len(ids)
    weights = sum(module.weight.numel() for module in base.model.modules() if isinstance(module, torch.nn.Linear))
    return tokens * weights
