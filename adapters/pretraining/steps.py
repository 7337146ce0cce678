"""The pieces that texts are cut into, and which of them stand in which step: a pure function of texts, configuration and step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ...base.load import Base

_LETTERS = 40
"""So far a cut is moved back to the beginning of a word."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """Texts cut to what the network reads at once.

    Attributes:
        texts: The pieces, in the order of their texts.
        counts: How often each token id stands in them, (vocabulary,).
    """

    texts: tuple[str, ...]
    counts: NDArray[np.int64]


def cut_pieces(base: Base, texts: Sequence[str], max_tokens: int) -> Pieces:
    """Cut texts into pieces of at most so many tokens, special ones and the instruction of documents included; nothing is left out.

    A piece begins with a word, where the word is not longer than 40 characters; a few tokens at the end of the one before it may be cut off by that.
    """
    longest = min(max_tokens, base.encoding.longest("document"))
    prompt, nothing = (base.backend_tokenizer(longest).encode(text).ids for text in (base.encoding.prompt("document"), ""))
    backend = base.backend_tokenizer(max(8, longest - len(prompt) + len(nothing)))
    vocabulary = base.model.get_input_embeddings().weight.shape[0]  # type: ignore[operator,union-attr]
    counts, pieces = np.zeros(vocabulary, np.int64), list[str]()
    for first in range(0, len(texts), 1024):
        some = [text.encode("utf-8", "replace").decode("utf-8") for text in texts[first : first + 1024]]
        for text, encoding in zip(some, backend.encode_batch(some), strict=True):
            starts = []
            for part in (encoding, *encoding.overflowing):
                counts += np.bincount(part.ids, minlength=vocabulary)[:vocabulary]
                inner = [begin for (begin, end), special in zip(part.offsets, part.special_tokens_mask, strict=True) if not special and end]
                starts += [_word_start(text, min(inner))] if inner else []
            bounds = [0, *sorted({start for start in starts if start > 0}), len(text)]
            pieces += [piece for begin, end in pairwise(bounds) if (piece := text[begin:end].strip())]
    return Pieces(tuple(pieces), counts)


def _word_start(text: str, at: int) -> int:
    """Return where the word begins that a place is in; the place itself in Chinese, and in a word that is too long."""
    start = at
    while start > 0 and text[start - 1].isalnum() and text[start - 1] < "\u2e80":
        start -= 1
        if at - start > _LETTERS:
            return at
    return start


@dataclass(frozen=True, slots=True)
class TextSteps:
    """Which pieces stand in which step; each epoch has its own order.

    Attributes:
        pieces: How many there are.
        batch_size: Of a step; the last one of an epoch may be smaller.
        epochs: At most so many passes.
        most: At most so many steps; None: as many as the passes have.
        seed: Of the order.
    """

    pieces: int
    batch_size: int
    epochs: int
    most: int | None
    seed: int

    @property
    def steps_per_epoch(self) -> int:
        """Steps of an epoch."""
        return math.ceil(self.pieces / self.batch_size)

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        steps = self.steps_per_epoch * self.epochs
        return steps if self.most is None else min(steps, self.most)

    def rows(self, step: int) -> NDArray[np.int64]:
        """Return the pieces of a step, counted from 0."""
        epoch, row = divmod(step, self.steps_per_epoch)
        order = np.random.default_rng([self.seed, epoch]).permutation(self.pieces)
        return order[row * self.batch_size : (row + 1) * self.batch_size]
