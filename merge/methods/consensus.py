"""Consensus: the parents' values of one module -> one value an element, by a plain sum or among those of the elected sign."""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor


def sum_consensus(values: Iterable[Tensor], weights: Tensor) -> Tensor:
    """Return the sum of weight * value.

    Args:
        values: A tensor (n, ...), n at least 1; or anything that yields n tensors (...), which are then held one at a time.
        weights: (n,), any numbers.
    """
    contributions = _contributions(values, weights)
    total, _ = next(contributions)
    for contribution, _ in contributions:
        total += contribution
    return total  # (...)


def sign_consensus(values: Iterable[Tensor], weights: Tensor) -> Tensor:
    """Return the weighted mean of the values that have the elected sign, times the sum of |weight|.

    Element by element: a contribution is weight * value, the elected sign is that of their sum, and the others (the zeros too) stay out of
    the mean, above and below the line. Where the sum is 0 within rounding, as with two opposite contributions, the result is 0.

    Args:
        values: A tensor (n, ...), n at least 1; or anything that yields n tensors (...), which are then held one at a time.
        weights: (n,), any numbers. Where they sum to 1 the result is the paper's with lambda 1; twice the weights give twice the result; a
            negative weight is a positive one on the negated value.

    Source: https://arxiv.org/abs/2306.01708 (TIES, steps "elect" and "disjoint merge"), which has no weights. Its sgn(0) is 0, as here; the
    published code gives such elements the sign that most of the model has.
    """
    tally: list[Tensor] = []
    for contribution, size in _contributions(values, weights):
        positive = contribution.clamp(min=0)
        negative = contribution.sub_(positive)
        each = [positive, negative, positive.sign() * size, negative.sign() * -size]
        tally = [total.add_(own) for total, own in zip(tally, each, strict=True)] if tally else each
    positive, negative, positive_size, negative_size = tally
    total = positive + negative
    rounding = (positive - negative) * (len(weights) * torch.finfo(total.dtype).eps)
    mean = torch.where(total > 0, positive / positive_size, negative / negative_size)  # 0 / 0 where no parent has that sign
    return torch.where(total.abs() > rounding, mean * float(weights.abs().sum()), 0)  # (...)


def _contributions(values: Iterable[Tensor], weights: Tensor) -> Iterator[tuple[Tensor, float]]:
    """Yield weight * value, a new tensor, and |weight|."""
    for value, weight in zip(values, weights.tolist(), strict=True):
        yield value * weight, abs(weight)
