"""Pruned sums: the elementwise family. A method is a way to thin out each parent's update, and a way to agree on what is left."""

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

from .parts import MethodSettings, Part, weights
from .sparsify import drop_by_rank, drop_random, keep_largest, keep_middle

Pruning = Callable[[Part, MethodSettings], Tensor]
Consensus = Callable[[Iterable[Tensor], Tensor], Tensor]


def merge_pruned(pruning: Pruning, consensus: Consensus) -> Callable[[Sequence[Part], MethodSettings], Tensor]:
    """Return the method that prunes each parent's delta W, (out, in), and merges them element by element.

    It holds one pruned update at a time. Parents are taken in the order of their content, so that permuting them changes not one bit.
    A parent that leaves the module alone contributes zeros.
    """

    def merge(parts: Sequence[Part], settings: MethodSettings) -> Tensor:
        ordered = sorted(parts, key=lambda part: (part.key, part.weight))
        return consensus((pruning(part, settings) for part in ordered), torch.tensor(weights(ordered), dtype=torch.float64))

    return merge


def prune_smallest(part: Part, settings: MethodSettings) -> Tensor:
    """Return delta W without its smallest elements: `keep_largest`."""
    return keep_largest(part.module.delta(), settings.density)


def prune_both_ends(part: Part, settings: MethodSettings) -> Tensor:
    """Return delta W without its smallest and its very largest elements: `keep_middle`."""
    return keep_middle(part.module.delta(), settings.density, settings.outliers)


def prune_at_random(part: Part, settings: MethodSettings) -> Tensor:
    """Return delta W, thinned out at random: `drop_random`, seeded by what the parent is and not by where it stands."""
    return drop_random(part.module.delta(), settings.density, part.generator(settings.seed))


def prune_by_rank(part: Part, settings: MethodSettings) -> Tensor:
    """Return delta W, thinned out at random, the small more than the large: `drop_by_rank`, seeded as `prune_at_random`."""
    return drop_by_rank(part.module.delta(), settings.density, settings.spread, part.generator(settings.seed))
