"""The gradient of a batch's loss, in memory that does not grow with the batch."""

from dataclasses import dataclass, field
from typing import NamedTuple

import psutil
import torch
from torch import Tensor

from ..base.load import Base
from ..encoder import Role, default_batch_tokens, embed, length_batches, tokenize
from .batches import TextBatch
from .config import TrainConfig
from .losses import BatchScores, find_loss

HELD_SHARE = 1 / 3  # of the device's memory: beside it stand the base, the optimiser, the data, and whatever else runs


class _Part(NamedTuple):
    """A micro-batch: token ids of texts of like length, and their rows among the texts of their role."""

    ids: list[list[int]]
    rows: list[int]


@dataclass(slots=True)
class _Held:
    """Counts the bytes of what graphs hold for their way back, each storage once."""

    bytes: int = 0
    _seen: set[int] = field(default_factory=set)

    def pack(self, tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in self._seen:
            self._seen.add(storage.data_ptr())
            self.bytes += storage.nbytes()
        return tensor.detach()  # the tensor itself would hold its own graph in a circle


def accumulate_gradients(base: Base, batch: TextBatch, config: TrainConfig, seed: int, room: float | None = None) -> float:
    """Add the gradient of a batch's loss to the factors', and return the loss.

    Micro-batches are embedded one after another. Their graphs are held while there is room; those after it are embedded without a graph, and
    once more with one when the gradient of their vectors is known. The gradient is the same, bit for bit, however much room there is. The global random state stays as it was.

    Args:
        base: With LoRA layers, in training.
        batch: What to embed.
        config: How.
        seed: Of dropout; each micro-batch draws from its own, so that it draws the same twice.
        room: Bytes that graphs may hold, beside those of one micro-batch; None: a third of the device's memory.

    Source: https://arxiv.org/abs/2101.06983 (GradCache), where everything is embedded twice.
    """
    room = HELD_SHARE * device_memory(base.device) if room is None else room
    parts = make_parts(base, batch.queries, "query", config), make_parts(base, batch.passages, "document", config)
    flat, held = [*parts[0], *parts[1]], _Held()
    vectors: list[Tensor] = []
    with torch.random.fork_rng(devices=[base.device] if base.device.type == "cuda" else []):
        for number, part in enumerate(flat):
            with torch.set_grad_enabled(held.bytes < room), torch.autograd.graph.saved_tensors_hooks(held.pack, lambda tensor: tensor):
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


def make_parts(base: Base, texts: list[str], role: Role, config: TrainConfig) -> list[_Part]:
    """Cut texts into micro-batches of like length."""
    ids = tokenize(base, texts, role, config.max_tokens).ids
    groups = length_batches([len(row) for row in ids], default_batch_tokens(base.device))
    return [_Part([ids[row] for row in rows], rows) for rows in groups]


def in_order(parts: list[_Part], vectors: list[Tensor]) -> Tensor:
    """Join the vectors of micro-batches: (n, d), in the order of the texts that they were cut from."""
    joined = torch.cat(vectors)
    order = torch.tensor([row for part in parts for row in part.rows], device=joined.device)
    return joined[torch.argsort(order)]


def device_memory(device: torch.device) -> int:
    """Return the bytes of memory that a device has."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    if device.type == "mps":
        return int(torch.mps.recommended_max_memory())
    return int(psutil.virtual_memory().total)


def _embed(base: Base, part: _Part, config: TrainConfig, seed: int) -> Tensor:
    torch.manual_seed(seed)
    return embed(base, part.ids, config.precision)
