"""Karcher: the mean of any number of updates on the sphere."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ...lora import Update
from .parts import MethodSettings, Part
from .sphere import NEARLY_PARALLEL, merge_on_sphere

_STEPS = 200
_STILL = 1e-12


def merge_karcher(parts: Sequence[Part], _settings: MethodSettings) -> Update:
    """Return the update whose direction has the smallest weighted sum of squared angles to the parents', factored.

    Its length is the sum of weight * norm. Of two it is slerp. Found by averaging in the tangent space and going along the geodesic,
    from the plain mean on (its first step is what mergekit calls multislerp). Updates that lie in no open half of the sphere may have
    several such directions: the nearest to the plain mean is taken. Where the plain mean vanishes, or a parent points straight away from
    the mean, there is none, and the result is the plain sum.
    Source: https://doi.org/10.1145/502122.502124 (Buss and Fillmore 2001, algorithm A1); here on coefficients of the parents' directions,
    so that a step costs n x n whatever the size of the matrices.

    Raises:
        ConfigError: a weight is negative.
    """
    return merge_on_sphere(parts, _mean_direction)


def _mean_direction(cosines: Tensor, shares: Tensor) -> Tensor | None:
    """Iterate log and exp maps; a point is given by its coefficients (n,) of the unit vectors."""
    length = _norm(shares, cosines)
    if length < NEARLY_PARALLEL:
        return None
    mean = shares / length
    for _ in range(_STEPS):
        angles = torch.arccos((cosines @ mean).clamp(-1, 1))
        sines = angles.sin()
        if bool(((sines < NEARLY_PARALLEL) & (angles > 1)).any()):
            return None
        stretch = shares * torch.where(sines < NEARLY_PARALLEL, 1.0, angles / sines.clamp(min=NEARLY_PARALLEL))
        tangent = stretch - (stretch * angles.cos()).sum() * mean
        step = _norm(tangent, cosines)
        if step < _STILL:
            break
        mean = step.cos() * mean + step.sin() / step * tangent
        mean = mean / _norm(mean, cosines)
    return mean


def _norm(coefficients: Tensor, cosines: Tensor) -> Tensor:
    return (coefficients @ cosines @ coefficients).clamp(min=0).sqrt()
