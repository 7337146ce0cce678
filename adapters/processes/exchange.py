"""The vectors of a step, of which each process has made a share: put together, without gradients but for this process's own."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .split import Shares
from .world import World


def join_sides(own: Sequence[Tensor], shares: Shares, world: World) -> list[Tensor]:
    """Return the vectors of all texts of each side, (n, d) in the order of the texts.

    Args:
        own: Side -> the vectors of this process, (rows, d) in the order of its share; the gradient goes back to them.
        shares: Which rows each process has.
        world: The processes.
    """
    every = world.gather(torch.cat(list(own)), [sum(map(len, of_process)) for of_process in shares])
    blocks = [torch.split(rows, [len(of_side) for of_side in of_process]) for rows, of_process in zip(every, shares, strict=True)]
    blocks[world.rank] = tuple(own)
    return [_in_order([of_process[side] for of_process in blocks], [of_process[side] for of_process in shares]) for side in range(len(own))]


def _in_order(vectors: Sequence[Tensor], rows: Sequence[Sequence[int]]) -> Tensor:
    joined = torch.cat(list(vectors))
    order = torch.tensor([row for of_process in rows for row in of_process], device=joined.device)
    return joined[torch.argsort(order)]
