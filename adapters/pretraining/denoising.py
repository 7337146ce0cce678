"""A text is found from the vector of what deletion has left of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...base.load import Base
from ...data.words import Terms, terms_of
from ...encoders.batching import default_batch_tokens, length_batches
from ...encoders.forward import as_tensors
from ...encoders.tokens import tokenize
from ..gradients import backpropagate, embed_texts
from ..sides.protocol import StepLoss
from ..token_ids import TokenIds
from .config import PretrainConfig
from .heads import TextDecoder, seeded, token_vectors
from .learner import HELD_OUT_SEED, Learner, Texts
from .words import delete_words


@dataclass(frozen=True, slots=True)
class DamagedText:
    """A text, and what deletion has left of it."""

    whole: str
    left: str


class Denoising(Learner):
    """TSDAE: words are deleted, and a decoder that sees the vector of the rest alone writes the text.

    Source: https://arxiv.org/abs/2104.06979, and sentence-transformers' `DenoisingAutoEncoderLoss`; differences stand in docs/pretraining.md.
    """

    head: TextDecoder

    def __init__(self, base: Base, texts: Texts, config: PretrainConfig) -> None:
        vectors, network = token_vectors(base), base.model.config
        heads = math.gcd(vectors.shape[1], network.num_attention_heads)
        with seeded(base.device, config.seed):
            head = TextDecoder(vectors, base.dimension, heads, config.max_tokens, texts.train.counts)
        super().__init__(base, texts, config, head)
        self._held_out = self._damage(texts.held_out, terms_of(()), np.random.default_rng(HELD_OUT_SEED))

    def damaged(self, step: int) -> list[DamagedText]:
        """Return the pieces of a step as they are damaged there."""
        return self._damage(self._pieces(step), self._texts.terms, np.random.default_rng([self._config.seed, 1, step]))

    def _damage(self, texts: Sequence[str], terms: Terms, generator: np.random.Generator) -> list[DamagedText]:
        return [DamagedText(text, delete_words(text, self._config.deletion_share, terms, generator)) for text in texts]

    def accumulate(self, base: Base, step: int, seed: int, token_ids: TokenIds | None = None) -> StepLoss:  # noqa: ARG002
        """Damage a batch, write its texts again, and go back through decoder and network."""
        damaged = self.damaged(step)
        left = [each.left for each in damaged]
        if step >= self.head_steps:
            loss = backpropagate(base, [("document", left)], lambda vectors: self._loss(base, vectors[0], damaged), self._config, seed)
            return StepLoss(loss, len(damaged), "texts")
        alone = self._loss(base, embed_texts(base, left, "document", self._config, TokenIds(base, self._config.max_tokens)), damaged)
        torch.autograd.backward(alone)
        return StepLoss(alone.item(), len(damaged), "texts")

    @torch.no_grad()
    def held_out_loss(self, base: Base) -> float:
        """Return the mean loss of the tokens of the texts that are held out."""
        total, found = 0.0, 0
        for start in range(0, len(self._held_out), self._config.batch_size):
            some = self._held_out[start : start + self._config.batch_size]
            known = TokenIds(base, self._config.max_tokens)
            vectors = embed_texts(base, [each.left for each in some], "document", self._config, known)
            loss, tokens = self._loss_sum(base, vectors, some)
            total, found = total + loss.item(), found + tokens
        return total / max(1, found)

    def _loss(self, base: Base, vectors: Tensor, damaged: Sequence[DamagedText]) -> Tensor:
        loss, tokens = self._loss_sum(base, vectors, damaged)
        return loss / tokens

    def _loss_sum(self, base: Base, vectors: Tensor, damaged: Sequence[DamagedText]) -> tuple[Tensor, int]:
        """Return the sum of the losses of the tokens of texts, and how many tokens they are of: micro-batches of like length."""
        ids = tokenize(base, [each.whole for each in damaged], "document", self._config.max_tokens).ids
        losses = []
        for rows in length_batches([len(each) for each in ids], default_batch_tokens(base.device)):
            tokens, mask = as_tensors(base, [ids[row] for row in rows])
            losses.append(self.head.loss_sum(vectors[torch.tensor(rows, device=vectors.device)], tokens, mask))
        return torch.stack(losses).sum(), sum(len(each) - 1 for each in ids)
