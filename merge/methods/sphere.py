"""Updates as points of a sphere: what slerp and the Karcher mean share. All of it is read off inner products."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ...errors import ConfigError
from ...lora import LoraModule, Update, weighted_sum
from .parts import Part, modules, weights

NEARLY_PARALLEL = 1e-6
"""Sine of the angle below which an arc is its chord to within float32, and opposite points have no shortest arc."""

Direction = Callable[[Tensor, Tensor], Tensor | None]
"""Cosines between unit vectors (n, n) and their shares (n,), which add up to 1 -> the mean's coefficients (n,); None: there is no one mean."""


def merge_on_sphere(parts: Sequence[Part], direction: Direction) -> Update:
    """Return the update in a mean direction whose length is sum of weight * norm, so that scaling the weights scales the update.

    Updates of length 0 or weight 0 have no say in the direction. Where there is no one mean direction: the plain weighted sum.

    Args:
        parts: Of one module; lengths and angles are those of delta W under the Frobenius inner product.
        direction: How directions are averaged.

    Raises:
        ConfigError: a weight is negative: it is not a share of an arc.
    """
    if min(weights(parts)) < 0:
        raise ConfigError(f"a spherical mean takes weights of 0 and above, and one is {min(weights(parts))}; linear takes negative ones")
    products = _inner_products(modules(parts))
    held = [row for row, part in enumerate(parts) if part.weight > 0 and products[row, row] > 0]
    there, given = [parts[row].module for row in held], torch.tensor([parts[row].weight for row in held], dtype=torch.float64)
    norms = products.diagonal()[held].sqrt()
    coefficients = direction((products[held][:, held] / norms[:, None] / norms).clamp(-1, 1), given / given.sum()) if held else None
    if coefficients is None:
        return weighted_sum(modules(parts), weights(parts))
    return weighted_sum(there, (coefficients * (given @ norms) / norms).tolist())


def _inner_products(modules: Sequence[LoraModule]) -> Tensor:
    """Return the inner products of updates with one another, (n, n), float64: `inner_product` of all pairs in one go."""
    a = torch.cat([module.a for module in modules]).double()  # (sum of ranks, in)
    b = torch.cat([module.b.double() * module.scale for module in modules], dim=1)  # (out, sum of ranks)
    owner = torch.repeat_interleave(torch.eye(len(modules), dtype=torch.float64), torch.tensor([module.rank for module in modules]), dim=0)
    return owner.T @ ((b.T @ b) * (a @ a.T)) @ owner
