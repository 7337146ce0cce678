"""Gram matrices of what the adapted modules read, over a bounded and seeded sample of the training texts."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...base.load import Base
from ...choices import Role, TrainedSide
from ...data.draw import draw
from ...data.pairs import TrainingData
from ...encoders.batching import default_batch_tokens, length_batches
from ...encoders.forward import embed
from ...encoders.tokens import tokenize
from ...errors import TrainingError
from ...lora import LoraFactors, is_bias
from ...lora.gram_file import grams_bytes
from ...lora.grams import GramRank, StoredGram, StoredGrams, gram_error, store_gram
from ..config import TrainConfig
from ..strategies.table import open_strategy, put_in
from .layer_inputs import watch_inputs

MAX_TEXTS = 256
"""At most so many queries, and so many passages: some ten tokens for each input of the widest layer."""
OnTexts = Callable[[int, int], None]
"""(texts done, texts in all)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GramRequest:
    """That Gram matrices be measured after training: how they are kept, and what is called with how far it is."""

    rank: GramRank
    on_texts: OnTexts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredGrams:
    """Gram matrices as they are kept, each module's error (relative, Frobenius), and what they were measured on."""

    stored: StoredGrams
    errors: dict[str, float]
    rank: GramRank
    queries: int
    passages: int
    tokens: int

    @property
    def worst(self) -> str:
        """The module with the largest error."""
        return max(self.errors, key=lambda name: self.errors[name])

    def as_dict(self) -> dict[str, object]:
        """Return what the registry and `--json` hold of them."""
        mean, worst = sum(self.errors.values()) / len(self.errors), self.errors[self.worst]
        return {
            "rank": self.rank,
            "queries": self.queries,
            "passages": self.passages,
            "tokens": self.tokens,
            "bytes": grams_bytes(self.stored),
            "error": {"mean": mean, "worst": worst, "worst_module": self.worst},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class GramTexts:
    """The texts that Gram matrices are measured on."""

    queries: list[str]
    passages: list[str]

    def __len__(self) -> int:
        return len(self.queries) + len(self.passages)


def draw_texts(data: TrainingData, seed: int, side: TrainedSide = "both") -> GramTexts:
    """Draw at most 256 training queries and, unless they alone go through the adapter, at most 256 of the passages that the pairs name."""
    generator = np.random.default_rng(seed)
    queries, passages = (draw(sorted(ids), MAX_TEXTS, generator) for ids in (data.train.queries, data.train.passage_ids()))
    passages = passages if side == "both" else []
    return GramTexts(queries=[data.train.queries[qid] for qid in queries], passages=[data.corpus[pid] for pid in passages])


def measure_grams(base: Base, trained: LoraFactors, data: TrainingData, config: TrainConfig, request: GramRequest) -> MeasuredGrams:
    """Measure the Gram matrix of each adapted module's inputs, and bring it into the form in which it is kept.

    Args:
        base: What was trained on; as it was afterwards.
        trained: What was trained, which takes part as it does in training: not rounded, and beside the weights.
        data: What was trained on; the texts are drawn from it.
        config: Gives the seed, the maximum length and the precision.
        request: How the matrices are kept.

    Raises:
        TrainingError: a module's inputs are not finite.
    """
    texts, strategy = draw_texts(data, config.seed, config.side), open_strategy(config)
    with put_in(strategy, base):
        strategy.read_in(trained)
        strategy.training(False)
        matrices = [name for name in trained if not is_bias(name)]
        exact = collect_grams(base, matrices, texts, config, request.on_texts)
    kept: dict[str, tuple[StoredGram, float]] = {}
    for name in list(exact.matrices):
        gram = exact.matrices.pop(name)
        if not gram.isfinite().all():
            raise TrainingError(
                f"the inputs of {name} are too large for a Gram matrix; run again with --resume and without --gram-rank or --gram"
            )
        stored = store_gram(gram, request.rank)
        kept[name] = stored, gram_error(gram, stored)
    return MeasuredGrams(
        stored={name: kept[first][0] for name, first in exact.first.items()},
        errors={name: kept[first][1] for name, first in exact.first.items()},
        rank=request.rank,
        queries=len(texts.queries),
        passages=len(texts.passages),
        tokens=exact.tokens,
    )


@dataclass(frozen=True, slots=True)
class ExactGrams:
    """Gram matrices, (in, in) float32, by the module that reads an input first.

    `first`: every module -> that module. `tokens`: how many were read.
    """

    matrices: dict[str, Tensor]
    first: dict[str, str]
    tokens: int


def collect_grams(base: Base, names: Iterable[str], texts: GramTexts, config: TrainConfig, on_texts: OnTexts | None = None) -> ExactGrams:
    """Send texts through the network and return the mean over their tokens, padding left out, of x x^T of each module's inputs x.

    Source: https://arxiv.org/abs/2212.09849, where it is the sum; over the number of tokens, it does not depend on how many texts a
    parent was measured on.

    Args:
        base: The network as it stands; it is not changed.
        names: Of the modules whose inputs count.
        texts: Read at the length and in the precision of training, queries with their instruction.
        config: Gives both.
        on_texts: Called with how many texts are done, of how many.
    """
    sums: dict[str, Tensor] = {}
    counts: dict[str, int] = {}

    def take(name: str, rows: Tensor) -> None:
        product = rows.T @ rows  # (in, in)
        sums[name] = sums[name].add_(product) if name in sums else product
        counts[name] = counts.get(name, 0) + len(rows)

    with watch_inputs(base, names, take) as first:
        read_texts(base, texts, config, on_texts)
    matrices = {name: _symmetric(sums.pop(name).div_(counts[name]).cpu()) for name in list(sums)}
    return ExactGrams(matrices, first, max(counts.values()))


def _symmetric(matrix: Tensor) -> Tensor:
    return (matrix + matrix.T) / 2


@torch.no_grad()
def read_texts(base: Base, texts: GramTexts, config: TrainConfig, on_texts: OnTexts | None) -> None:
    """Send texts through the network as it stands, at the length and in the precision of training, for hooks to see what flows."""
    done, budget = 0, default_batch_tokens(base.device)
    by_role: tuple[tuple[Role, list[str]], ...] = (("query", texts.queries), ("document", texts.passages))
    for role, of_role in by_role:
        ids = tokenize(base, of_role, role, min(config.max_tokens, base.encoding.max_tokens)).ids
        for rows in length_batches([len(row) for row in ids], budget):
            embed(base, [ids[row] for row in rows], config.precision)
            done += len(rows)
            if on_texts:
                on_texts(done, len(texts))
