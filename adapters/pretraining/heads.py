"""What is trained along and thrown away: heads that find tokens again, from their own states or from a text's vector. A base ships none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ...base.load import Base

BLOCK_BYTES = 256 * 2**20
"""Of the logits that are held at once."""

_LAYER_NORM = 1e-12


class TokenHead(nn.Module):
    """States -> how likely each token of the vocabulary is: a fresh dense layer, GELU, a norm, and the base's own token vectors, frozen.

    Source: BERT's head for masked words (https://arxiv.org/abs/1810.04805). The bias of the output begins with how often each token stands in
    the texts, and not with zeros, so that a head of few steps need not learn that first.
    """

    def __init__(self, embeddings: Tensor, width: int, counts: NDArray) -> None:
        """Make a head.

        Args:
            embeddings: The base's token vectors, (vocabulary, e); they get no gradient.
            width: Of the states.
            counts: How often each token stands in the texts, (vocabulary,).
        """
        super().__init__()
        self.dense = nn.Linear(width, embeddings.shape[1])
        self.norm = nn.LayerNorm(embeddings.shape[1], eps=_LAYER_NORM)
        nn.init.normal_(self.dense.weight, std=0.02)
        nn.init.zeros_(self.dense.bias)
        shares = torch.from_numpy(counts).float().add(1).div(float(counts.sum()) + len(counts))
        self.bias = nn.Parameter(shares.log())
        self._embeddings = (embeddings.detach(),)  # in a tuple, so that it is not a part of the module

    def loss_sum(self, states: Tensor, wanted: Tensor) -> Tensor:
        """Return the sum of the cross-entropies of (m, width) states with the (m,) ids that are to be found.

        The logits, (m, vocabulary), are made block by block, and once more on the way back, so that they are never there at once.
        """
        rows = max(1, BLOCK_BYTES // (4 * len(self.bias)))
        if len(states) <= rows:
            return self._block(states, wanted)
        blocks = zip(torch.split(states, rows), torch.split(wanted, rows), strict=True)
        losses = [checkpoint(self._block, *block, use_reentrant=False) for block in blocks]
        return torch.stack(losses).sum()

    def _block(self, states: Tensor, wanted: Tensor) -> Tensor:
        transformed = self.norm(nn.functional.gelu(self.dense(states)))
        logits = torch.addmm(self.bias, transformed, self._embeddings[0].T)
        return nn.functional.cross_entropy(logits, wanted, reduction="sum")


class TextDecoder(nn.Module):
    """A text's vector -> its tokens, each from those before it: one fresh layer of a transformer with attention to the vector alone.

    Source: https://arxiv.org/abs/2104.06979 (TSDAE), whose decoder has all layers of the encoder, tied to it. Here they are frozen and must
    not be changed by a decoder's gradient, so that it is one layer of its own; the token vectors, in and out, are the base's.
    """

    def __init__(self, embeddings: Tensor, width: int, heads: int, longest: int, counts: NDArray) -> None:
        """Make a decoder.

        Args:
            embeddings: The base's token vectors, (vocabulary, e).
            width: Of a text's vector.
            heads: Of the attention.
            longest: Tokens of a text at most.
            counts: How often each token stands in the texts, (vocabulary,).
        """
        super().__init__()
        inner = embeddings.shape[1]
        self.memory = nn.Linear(width, inner)
        self.positions = nn.Parameter(torch.randn(longest, inner) * 0.02)
        self.norm = nn.LayerNorm(inner, eps=_LAYER_NORM)
        self.layer = nn.TransformerDecoderLayer(inner, heads, 4 * inner, dropout=0.0, activation="gelu", batch_first=True)
        self.head = TokenHead(embeddings, inner, counts)
        self._embeddings = (embeddings.detach(),)

    def loss_sum(self, vectors: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
        """Return the sum of the cross-entropies of the tokens of texts, from the second one on.

        Args:
            vectors: Of what deletion has left, (n, width), length 1.
            ids: Of the whole texts, (n, t).
            mask: Which of them count, (n, t); the others are padding behind them.
        """
        before, wanted, counts = ids[:, :-1], ids[:, 1:], mask[:, 1:].bool()
        length = before.shape[1]
        states = self.norm(self._embeddings[0][before] + self.positions[:length])
        later = torch.ones(length, length, dtype=torch.bool, device=ids.device).triu(1)
        memory = self.memory(vectors * vectors.shape[1] ** 0.5)[:, None]  # (n, 1, e), numbers of about size 1
        states = self.layer(states, memory, tgt_mask=later)
        return self.head.loss_sum(states[counts], wanted[counts])


@contextmanager
def seeded(device: torch.device, seed: int) -> Iterator[None]:
    """Draw what a module begins with from a seed; the global random state stays as it was."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def token_vectors(base: Base) -> Tensor:
    """Return the base's token vectors, (vocabulary, e)."""
    weight: Tensor = base.model.get_input_embeddings().weight  # type: ignore[operator,union-attr,assignment]
    return weight.detach()
