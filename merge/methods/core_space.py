"""Core Space: the parents as small matrices between shared bases of inputs and outputs, merged there."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from ...lora import Update
from .consensus import sign_consensus, sum_consensus
from .parts import MethodSettings, Part, weights
from .span import as_update, left_basis
from .sparsify import keep_largest


def merge_core_linear(parts: Sequence[Part], _settings: MethodSettings) -> Update:
    """Return the weighted sum of the parents' cores, taken back: the same update as linear, factored.

    Source: https://arxiv.org/abs/2509.17786, which proves that the projection into the core and back loses nothing.
    """
    left, right, cores = _cores(parts)
    return as_update(left @ sum_consensus(cores, torch.tensor(weights(parts), dtype=torch.float64)), right)


def merge_core_ties(parts: Sequence[Part], settings: MethodSettings) -> Update:
    """Return TIES over the parents' cores, taken back, factored.

    The bases follow the factors as they are stored: the same delta W split otherwise into B and A merges otherwise, as in the paper.
    Source: https://arxiv.org/abs/2509.17786 (Core Space with TIES).
    """
    left, right, cores = _cores(parts)
    kept = (keep_largest(core.float(), settings.density) for core in cores)
    return as_update(left @ sign_consensus(kept, torch.tensor(weights(parts))).double(), right)


def _cores(parts: Sequence[Part]) -> tuple[Tensor, Tensor, Iterator[Tensor]]:
    """Return bases left (out, p), right (q, in) of all B and all A, p and q at most the sum of ranks, and each parent's core (p, q), in turn."""
    left = left_basis(torch.cat([part.module.b for part in parts], dim=1))
    right = left_basis(torch.cat([part.module.a for part in parts]).T).T
    own = ((left.T @ part.module.b.double()) @ (part.module.a.double() @ right.T) * part.module.scale for part in parts)
    return left, right, own
