"""Words that were masked are found from those around them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ...base.load import Base
from ...data.words import Terms, terms_of
from ...encoders.batching import length_batches
from ...encoders.forward import as_tensors, uses_bf16
from ...encoders.quick import quick_network
from ..fused_layers import fast_layers
from ..memory import micro_batch_tokens
from ..sides.protocol import StepLoss
from ..token_ids import TokenIds
from .config import PretrainConfig
from .heads import TokenHead, seeded, token_vectors
from .learner import HELD_OUT_SEED, Learner, Texts, all_states, own_draws
from .masking import MaskedText, masking_of
from .words import read_words


class MaskedWords(Learner):
    """Masked language modelling: whole words, Chinese ones by segmentation, terms more often; the loss is of masked tokens alone.

    Source: https://arxiv.org/abs/1810.04805. Next-sentence prediction is left out (https://arxiv.org/abs/1907.11692).
    """

    head: TokenHead

    def __init__(self, base: Base, texts: Texts, config: PretrainConfig) -> None:
        vectors = token_vectors(base)
        with seeded(base.device, config.seed):
            head = TokenHead(vectors, base.model.config.hidden_size, texts.train.counts)
        super().__init__(base, texts, config, head)
        self._masking = masking_of(base, config.mask_share, config.term_share)
        self._held_out = self._mask(base, texts.held_out, terms_of(()), np.random.default_rng(HELD_OUT_SEED))

    def masked(self, base: Base, step: int) -> list[MaskedText]:
        """Return the pieces of a step as they are masked there."""
        return self._mask(base, self._pieces(step), self._texts.terms, np.random.default_rng([self._config.seed, 1, step]))

    def _mask(self, base: Base, texts: Sequence[str], terms: Terms, generator: np.random.Generator) -> list[MaskedText]:
        return [self._masking.apply(words, generator) for words in read_words(base, texts, terms, self._config.max_tokens)]

    def accumulate(self, base: Base, step: int, seed: int, token_ids: TokenIds | None = None) -> StepLoss:  # noqa: ARG002
        """Mask a batch, find its words, and go back through head and network, micro-batch by micro-batch."""
        masked, whole, loss = self.masked(base, step), all_states(base), 0.0
        found = max(1, sum(int((each.wanted >= 0).sum()) for each in masked))
        with own_draws(base), fast_layers(whole, self._config.precision):
            for number, rows in enumerate(self._micro_batches(base, masked)):
                torch.manual_seed(seed + number)
                with torch.set_grad_enabled(step >= self.head_steps):
                    states, wanted = self._states(whole, [masked[row] for row in rows])
                share = self.head.loss_sum(states, wanted) / found
                torch.autograd.backward(share)
                loss += share.item()
        return StepLoss(loss, len(masked), "texts")

    @torch.no_grad()
    def held_out_loss(self, base: Base) -> float:
        """Return the mean loss of the masked tokens of the texts that are held out."""
        whole, total, found = all_states(base), 0.0, 0
        with quick_network(whole, self._config.precision):
            for rows in self._micro_batches(base, self._held_out):
                states, wanted = self._states(whole, [self._held_out[row] for row in rows])
                total, found = total + self.head.loss_sum(states, wanted).item(), found + len(wanted)
        return total / max(1, found)

    def _micro_batches(self, base: Base, masked: Sequence[MaskedText]) -> list[list[int]]:
        return length_batches([len(each.ids) for each in masked], micro_batch_tokens(base, self._config))

    def _states(self, base: Base, masked: Sequence[MaskedText]) -> tuple[Tensor, Tensor]:
        """Return the states of the tokens that are to be found, (m, d) float32, and their ids, (m,)."""
        tokens, mask = as_tensors(base, [each.ids for each in masked])
        with torch.autocast(base.device.type, torch.bfloat16, enabled=uses_bf16(base.device, self._config.precision)):
            states = base.model(input_ids=tokens, attention_mask=mask).last_hidden_state
        padded = np.full(tuple(tokens.shape), -1, np.int64)
        for row, each in zip(padded, masked, strict=True):
            row[: len(each.wanted)] = each.wanted
        wanted = torch.from_numpy(padded).to(base.device)
        return states[wanted >= 0].float(), wanted[wanted >= 0]
