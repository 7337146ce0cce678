"""Slerp: a point on the arc between two updates."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ...lora import Update
from .parts import MethodSettings, Part
from .sphere import NEARLY_PARALLEL, merge_on_sphere


def merge_slerp(parts: Sequence[Part], _settings: MethodSettings) -> Update:
    """Return the update on the arc from the first to the second, at the second's share of the weights, factored.

    Its length is w1 * norm1 + w2 * norm2; the plain sum is shorter, the more so the further the two point apart. Parallel and opposite
    updates, and any beside one that is zero, are summed plainly.
    Source: https://doi.org/10.1145/325165.325242 (Shoemake 1985), there on unit quaternions.

    Raises:
        ConfigError: a weight is negative.
    """
    return merge_on_sphere(parts, _arc)


def _arc(cosines: Tensor, shares: Tensor) -> Tensor | None:
    if len(shares) == 1:
        return torch.ones(1, dtype=torch.float64)
    angle = torch.arccos(cosines[0, 1])
    if angle.sin() < NEARLY_PARALLEL:
        return None
    return torch.sin(shares * angle) / angle.sin()  # the share of the one is the way left from the other
