"""Sparsifiers: one parent's update of one module -> the same with some of its elements zero. None changes its argument."""

import numpy as np
import torch
from torch import Tensor


def keep_largest(values: Tensor, density: float) -> Tensor:
    """Keep the elements of largest magnitude; the others become 0.

    Args:
        values: Any shape.
        density: Share to keep, above 0 and at most 1: exactly round(density * number of elements) of them, at least one. Of equal
            magnitudes at the edge, those that come first.

    Source: https://arxiv.org/abs/2306.01708 (TIES, step "trim"), which takes the largest of the whole model; we, of each module.
    """
    count = _count(values, density)
    return values if count == values.numel() else torch.where(_largest(values, count), values, 0)


def keep_middle(values: Tensor, density: float, outliers: float) -> Tensor:
    """Drop the elements of largest magnitude, and so many of the smallest that the density is left.

    Args:
        values: Any shape.
        density: Share to keep, counted as in `keep_largest`.
        outliers: Share of the largest to drop, 0 to below 1. It takes no more than the density leaves to drop: with density 1 nothing is.

    Source: https://arxiv.org/abs/2312.06795 (Model Breadcrumbs), module by module as there. Its beta is 1 - density - outliers.
    """
    count = _count(values, density)
    top = min(round(outliers * values.numel()), values.numel() - count)
    if top == 0:
        return keep_largest(values, density)
    return torch.where(_largest(values, top + count) & ~_largest(values, top), values, 0)


def drop_random(values: Tensor, density: float, generator: torch.Generator) -> Tensor:
    """Keep each element with probability `density`, divided by it, so that the expectation is the element.

    Args:
        values: Any shape.
        density: Above 0 and at most 1; the number kept is near this share, not exactly it.
        generator: What the mask is drawn from: one uniform number an element, in row order.

    Source: https://arxiv.org/abs/2311.03099 (DARE).
    """
    return _sample(values, torch.tensor(density), generator)


def drop_by_rank(values: Tensor, density: float, spread: float, generator: torch.Generator) -> Tensor:
    """Keep each element with a probability that rises with its magnitude's rank in its row, divided by that probability.

    The probabilities of a row lie evenly spaced around `density`, their mean, between density - spread and density + spread.

    Args:
        values: (out, in).
        density: Above 0 and at most 1.
        spread: 0 (which is `drop_random`) to 1. No probability leaves the range from 0 to 1 and none is 0: the spread is taken to be at
            most min(density, 1 - density), so that density 1 keeps all.
        generator: As in `drop_random`.

    Source: https://arxiv.org/abs/2406.11617 (DELLA, MAGPRUNE). Its p is 1 - density, its epsilon twice the spread; its ranks start at one end
    of the range, ours stand in the middle of their steps, which keeps the mean.
    """
    columns = values.shape[1]
    half = min(spread, density, 1 - density)
    steps = (torch.arange(columns, dtype=torch.float64) + 0.5) / columns  # of ascending magnitude, from 0 to 1
    probabilities = (density + half * (2 * steps - 1)).to(values.dtype)
    order = torch.from_numpy(np.argsort(values.abs().numpy(), axis=1))  # (out, in); three times as fast as torch's
    return _sample(values, torch.empty_like(values).scatter_(1, order, probabilities.expand_as(values)), generator)


def _count(values: Tensor, density: float) -> int:
    return min(values.numel(), max(1, round(density * values.numel())))


def _largest(values: Tensor, count: int) -> Tensor:
    """Return a mask of exactly `count` elements, at least one, of largest magnitude; of equal ones those that come first."""
    magnitudes = values.abs().flatten()
    place = len(magnitudes) - count
    edge = float(np.partition(magnitudes.numpy(), place)[place])  # twice as fast as kthvalue
    mask = magnitudes >= edge
    if surplus := int(mask.sum()) - count:
        mask[(magnitudes == edge).nonzero().flatten()[-surplus:]] = False
    return mask.view(values.shape)


def _sample(values: Tensor, probabilities: Tensor, generator: torch.Generator) -> Tensor:
    return torch.where(torch.rand(values.shape, generator=generator) < probabilities, values / probabilities, 0)
