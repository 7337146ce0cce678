"""The gradient of a loss of vectors, in memory that does not grow with the batch."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
from numpy.typing import NDArray
from torch import Tensor

from ..base.load import Base
from ..choices import Role
from ..encoders.batching import length_batches
from .batches import TextBatch
from .frozen.stored import embed_above
from .fused_layers import fast_layers
from .losses.batch import EmbeddedBatch, OtherVectors, Relation
from .losses.table import compute_loss
from .memory import graph_bytes_per_token, memory_budget, micro_batch_tokens
from .processes.exchange import join_sides
from .processes.split import Shares, split_by_tokens
from .processes.world import ALONE, World
from .settings.joined import TrainSettings
from .token_ids import Ids, TokenIds


class _Part(NamedTuple):
    """A micro-batch: token ids of texts of like length, and their rows among the texts of their role."""

    ids: list[Ids]
    rows: list[int]

    @property
    def length(self) -> int:
        """Tokens of each text, padding included."""
        return max(map(len, self.ids))


NO_OTHERS: Mapping[str, OtherVectors] = MappingProxyType({})


def accumulate_gradients(
    base: Base, batch: TextBatch, config: TrainSettings, seed: int, budget: float | None = None, token_ids: TokenIds | None = None
) -> float:
    """Add the gradient of a batch's loss to the parameters', and return the loss. See `backpropagate`."""

    def loss_of(vectors: Sequence[Tensor]) -> Tensor:
        queries, passages = vectors
        return batch_loss(queries, passages, batch, config)

    return backpropagate(base, (("query", batch.queries), ("document", batch.passages)), loss_of, config, seed, budget, token_ids)


def backpropagate(
    base: Base,
    sides: Sequence[tuple[Role, list[str]]],
    loss_of: Callable[[Sequence[Tensor]], Tensor],
    config: TrainSettings,
    seed: int,
    budget: float | None = None,
    token_ids: TokenIds | None = None,
    world: World = ALONE,
) -> float:
    """Add the gradient of a loss of vectors to the parameters' of the network that they come from, and return the loss.

    Micro-batches are embedded one after another. Their graphs are held while they fit into the memory budget; the others are
    embedded without a graph, and once more with one when the gradient of their vectors is known. The gradient is the same, bit for
    bit, whatever the budget. The global random state stays as it was.

    Of several processes, each embeds its share of the texts, computes the loss of the vectors of all, and adds the gradient that comes back
    through its own: the sum over the processes is the gradient.

    Args:
        base: With a strategy put in, in training.
        sides: Texts that go through the network, by role; those of a side that has kept vectors are not among them.
        loss_of: The vectors of each side, (n, d) of length 1 in the order of its texts -> a scalar.
        config: Gives length and precision.
        seed: Of dropout; each micro-batch draws from its own, so that it draws the same twice.
        budget: Bytes that graphs may hold, beside one micro-batch at a time of those that do not fit; None: a third of the device's memory.
        token_ids: Of the texts of the sides, and of others, with their stored states where there are any; None: they are tokenised here.
        world: The processes that share the step.

    Source: https://arxiv.org/abs/2101.06983 (GradCache), where everything is embedded twice.
    """
    budget = memory_budget(base.device) / world.sharers if budget is None else budget
    known = TokenIds(base, config.max_tokens) if token_ids is None else token_ids
    shares = _share(known, sides, world)
    parts = [
        make_parts(known, [texts[row] for row in rows], role, config) for (role, texts), rows in zip(sides, shares[world.rank], strict=True)
    ]
    flat = [part for of_side in parts for part in of_side]
    seeds = [seed + number * world.size + world.rank for number in range(len(flat))]
    vectors: list[Tensor] = []
    devices = [base.device] if base.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices), fast_layers(base, config.precision):
        for number, part in enumerate(flat):
            size = len(part.ids) * part.length * graph_bytes_per_token(base, part.length, config.precision)
            is_held = size <= budget
            budget -= size if is_held else 0
            with torch.set_grad_enabled(is_held):
                vectors.append(_embed(known, part, config, seeds[number]))
        leaves = [vector.detach().requires_grad_() for vector in vectors]
        rest = iter(leaves)
        if world.size == 1:
            loss = loss_of([in_order(of_side, [next(rest) for _ in of_side]) for of_side in parts])
        else:
            none = (leaves[0] if leaves else embed_texts(base, sides[0][1][:1], sides[0][0], config, known))[:0]
            own = [in_order(of_side, [next(rest) for _ in of_side]) if of_side else none for of_side in parts]
            loss = loss_of(join_sides(own, shares, world))
        if leaves:  # a process has none where there are fewer texts than processes
            torch.autograd.backward(loss)
        for number, (part, vector, leaf) in enumerate(zip(flat, vectors, leaves, strict=True)):
            torch.autograd.backward(vector if vector.requires_grad else _embed(known, part, config, seeds[number]), leaf.grad)
    return loss.item()


def _share(known: TokenIds, sides: Sequence[tuple[Role, list[str]]], world: World) -> Shares:
    """Divide the texts of a step among the processes; one alone has them all, in their order."""
    if world.size == 1:
        return [[list(range(len(texts))) for _, texts in sides]]
    return split_by_tokens([[len(ids) for ids in known.of(texts, role)] for role, texts in sides], world.size)


@torch.no_grad()
def embed_texts(base: Base, texts: list[str], role: Role, config: TrainSettings, token_ids: TokenIds) -> Tensor:
    """Return the vectors of texts as the network stands, (n, d) float32 of length 1, without gradients."""
    parts = make_parts(token_ids, texts, role, config)
    with fast_layers(base, config.precision):
        return in_order(parts, [embed_above(base, part.ids, config.precision, token_ids.states) for part in parts])


def batch_loss(
    queries: Tensor, passages: Tensor, batch: TextBatch, config: TrainSettings, others: Mapping[str, OtherVectors] = NO_OTHERS
) -> Tensor:
    """Return the loss of a batch whose texts are embedded: (q, d) and (p, d), length 1, in the batch's order.

    `others`: what other encoders make of the same texts, by the names of `EmbeddedBatch`.
    """

    def tensor(array: NDArray[Any]) -> Tensor:
        return torch.from_numpy(array).to(queries.device)

    relation = Relation(positive=tensor(batch.positive), ignored=tensor(batch.ignored), frequency=tensor(batch.frequency))
    embedded = EmbeddedBatch(
        queries=queries,
        passages=passages,
        relation=relation,
        negatives=None if batch.negatives is None else tensor(batch.negatives),
        targets=None if batch.targets is None else tensor(batch.targets),
        weights=None if batch.weights is None else tensor(batch.weights),
        anchor=others.get("anchor"),
        guide=others.get("guide"),
    )
    return compute_loss(embedded, config)


def make_parts(token_ids: TokenIds, texts: list[str], role: Role, config: TrainSettings) -> list[_Part]:
    """Cut texts into micro-batches of like length."""
    ids = token_ids.of(texts, role)
    groups = length_batches([len(row) for row in ids], micro_batch_tokens(token_ids.base, config))
    return [_Part([ids[row] for row in rows], rows) for rows in groups]


def in_order(parts: list[_Part], vectors: list[Tensor]) -> Tensor:
    """Join the vectors of micro-batches: (n, d), in the order of the texts that they were cut from."""
    joined = torch.cat(vectors)
    order = torch.tensor([row for part in parts for row in part.rows], device=joined.device)
    return joined[torch.argsort(order)]


def _embed(known: TokenIds, part: _Part, config: TrainSettings, seed: int) -> Tensor:
    torch.manual_seed(seed)
    return embed_above(known.base, part.ids, config.precision, known.states)
