"""The gradient of a batch's loss, in memory that does not grow with the batch."""

from typing import NamedTuple

import torch
from torch import Tensor

from ..base.load import Base
from ..choices import Role
from ..encoders.batching import length_batches
from ..encoders.forward import embed
from .batches import TextBatch
from .config import TrainConfig
from .fused_layers import fast_layers
from .losses import BatchScores, find_loss
from .memory import graph_bytes_per_token, held_room, micro_batch_tokens
from .token_ids import Ids, TokenIds


class _Part(NamedTuple):
    """A micro-batch: token ids of texts of like length, and their rows among the texts of their role."""

    ids: list[Ids]
    rows: list[int]

    @property
    def length(self) -> int:
        """Tokens of each text, padding included."""
        return max(map(len, self.ids))


def accumulate_gradients(
    base: Base, batch: TextBatch, config: TrainConfig, seed: int, room: float | None = None, token_ids: TokenIds | None = None
) -> float:
    """Add the gradient of a batch's loss to the factors', and return the loss.

    Micro-batches are embedded one after another. Their graphs are held while there is room; those that find none are embedded without a graph,
    and once more with one when the gradient of their vectors is known. The gradient is the same, bit for bit, however much room there is. The global random state stays as it was.

    Args:
        base: With LoRA layers, in training.
        batch: What to embed.
        config: How.
        seed: Of dropout; each micro-batch draws from its own, so that it draws the same twice.
        room: Bytes that graphs may hold, beside one micro-batch at a time of those that find none; None: a third of the device's memory.
        token_ids: Of the batch's texts, and of others; None: they are tokenised here.

    Source: https://arxiv.org/abs/2101.06983 (GradCache), where everything is embedded twice.
    """
    room = held_room(base.device) if room is None else room
    known = TokenIds(base, config.max_tokens) if token_ids is None else token_ids
    parts = make_parts(known, batch.queries, "query", config), make_parts(known, batch.passages, "document", config)
    flat = [*parts[0], *parts[1]]
    vectors: list[Tensor] = []
    devices = [base.device] if base.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices), fast_layers(base, config.precision):
        for number, part in enumerate(flat):
            size = len(part.ids) * part.length * graph_bytes_per_token(base, part.length, config.precision)
            is_held = size <= room
            room -= size if is_held else 0
            with torch.set_grad_enabled(is_held):
                vectors.append(_embed(base, part, config, seed + number))
        leaves = [vector.detach().requires_grad_() for vector in vectors]
        queries, passages = in_order(parts[0], leaves[: len(parts[0])]), in_order(parts[1], leaves[len(parts[0]) :])
        loss = batch_loss(queries, passages, batch, config)
        torch.autograd.backward(loss)
        for number, (part, vector, leaf) in enumerate(zip(flat, vectors, leaves, strict=True)):
            torch.autograd.backward(vector if vector.requires_grad else _embed(base, part, config, seed + number), leaf.grad)
    return loss.item()


def batch_loss(queries: Tensor, passages: Tensor, batch: TextBatch, config: TrainConfig) -> Tensor:
    """Return the loss of a batch whose texts are embedded: (queries, d) and (passages, d), length 1, in the batch's order."""
    positive, ignored, frequency = (
        torch.from_numpy(array).to(queries.device) for array in (batch.positive, batch.ignored, batch.frequency)
    )
    scores = BatchScores(queries @ passages.T, positive, ignored, config.frequency_correction * frequency.log())
    return find_loss(config.loss)(scores, config.temperature)


def make_parts(token_ids: TokenIds, texts: list[str], role: Role, config: TrainConfig) -> list[_Part]:
    """Cut texts into micro-batches of like length."""
    ids = token_ids.of(texts, role)
    groups = length_batches([len(row) for row in ids], micro_batch_tokens(token_ids.base, config))
    return [_Part([ids[row] for row in rows], rows) for rows in groups]


def in_order(parts: list[_Part], vectors: list[Tensor]) -> Tensor:
    """Join the vectors of micro-batches: (n, d), in the order of the texts that they were cut from."""
    joined = torch.cat(vectors)
    order = torch.tensor([row for part in parts for row in part.rows], device=joined.device)
    return joined[torch.argsort(order)]


def _embed(base: Base, part: _Part, config: TrainConfig, seed: int) -> Tensor:
    torch.manual_seed(seed)
    return embed(base, part.ids, config.precision)
