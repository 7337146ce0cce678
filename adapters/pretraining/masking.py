"""Which words of a text are masked, and what stands in their place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...base.load import Base
from .words import WordTokens

MASKED, REPLACED = 0.8, 0.1
"""Of the tokens that are to be found: the share that is masked, and the share that another token stands for. The rest stays as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Masking:
    """How words are masked.

    Attributes:
        mask: The id of the token that stands for one that is masked.
        others: The ids that one is drawn of where a token is replaced, (n,): all but the special ones.
        share: How many of the words are masked, a probability for each.
        term_share: The same for terms.

    Source: https://arxiv.org/abs/1810.04805, and BERT's whole-word masking, which chooses among the words of a text until a share of its
    tokens is reached; here each is chosen by itself, so that terms can have a probability of their own. Each token of a chosen word is
    masked, replaced or left by itself, as there.
    """

    mask: int
    others: NDArray[np.int64]
    share: float
    term_share: float

    def choose(self, words: WordTokens, generator: np.random.Generator) -> NDArray[np.bool_]:
        """Return which tokens are to be found, (t,): all of a word or none; at least one word is, where the text has any."""
        count = len(words.is_term)
        chosen = generator.random(count) < np.where(words.is_term, self.term_share, self.share)
        if count:
            chosen[generator.integers(count)] |= not chosen.any()
        return np.append(chosen, False)[words.words]  # -1, no word, is the last one

    def apply(self, words: WordTokens, generator: np.random.Generator) -> MaskedText:
        """Mask a text."""
        chosen = self.choose(words, generator)
        fate, drawn = generator.random(len(chosen)), generator.choice(self.others, len(chosen))
        ids = np.where(chosen & (fate < MASKED), self.mask, words.ids)
        ids = np.where(chosen & (fate >= MASKED) & (fate < MASKED + REPLACED), drawn, ids)
        return MaskedText(ids.astype(np.int32), np.where(chosen, words.ids, -1))


@dataclass(frozen=True, slots=True)
class MaskedText:
    """The token ids that the network gets, (t,) int32, and those that are to be found, -1 where nothing is, (t,)."""

    ids: NDArray[np.int32]
    wanted: NDArray[np.int32]


def masking_of(base: Base, share: float, term_share: float) -> Masking:
    """Return how words are masked for a base, whose tokenizer has a token for that."""
    tokenizer = base.tokenizer
    vocabulary = base.model.get_input_embeddings().weight.shape[0]  # type: ignore[operator,union-attr]
    others = np.setdiff1d(np.arange(min(len(tokenizer), vocabulary)), tokenizer.all_special_ids)
    return Masking(mask=int(tokenizer.mask_token_id), others=others, share=share, term_share=term_share)
