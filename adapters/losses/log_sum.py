"""log sum exp over all vectors of a corpus, with its gradient, in memory that does not grow with the corpus."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...index.hidden import Hidden
from ...index.vectors import blocks
from .batch import CorpusTargets

BLOCK = 8192
"""Rows at a time: of width 384 in float32 they take 12 MB. Fewer are a tenth quicker on one thread, and wait more often where several share busy cores."""


def log_sum_over_corpus(queries: Tensor, targets: CorpusTargets, temperature: float, block: int = BLOCK) -> Tensor:
    """Return for each query log sum share * exp(cosine / temperature) over all rows that are neither excluded for it nor copies.

    Args:
        queries: (q, d), length 1, with gradients where they are wanted; the vectors of the corpus get none.
        targets: The corpus; what was drawn of it is not looked at.
        temperature: Above 0.
        block: How many rows are compared at once.

    Returns:
        (q,); -inf for a query without a row.

    Source: the running maximum and the rescaled sums of https://arxiv.org/abs/1805.02867 and https://arxiv.org/abs/2205.14135; here the
    gradient comes out of the same pass, as the sum of the rows by their probabilities.
    """
    result: Tensor = _LogSum.apply(queries, targets, temperature, block)  # type: ignore[no-untyped-call]
    return result


class _LogSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, queries: Tensor, targets: CorpusTargets, temperature: float, block: int) -> Tensor:  # type: ignore[override]
        with torch.no_grad():
            log_sum, gradient = _scan(queries, targets, temperature, block, with_gradient=ctx.needs_input_grad[0])
        ctx.save_for_backward(gradient)
        return log_sum

    @staticmethod
    def backward(ctx: Any, of_result: Tensor) -> tuple[Tensor, None, None, None]:  # type: ignore[override]
        (gradient,) = ctx.saved_tensors
        return of_result.unsqueeze(1) * gradient, None, None, None


def _scan(queries: Tensor, targets: CorpusTargets, temperature: float, block: int, *, with_gradient: bool) -> tuple[Tensor, Tensor]:
    """Return the log sums, (q,), and their gradients, (q, d)."""
    peak = queries.new_full((len(queries), 1), -torch.inf)
    total = queries.new_zeros((len(queries), 1))
    weighted = torch.zeros_like(queries)  # the sum of the rows, each times exp(logit - peak)
    scaled = queries / temperature
    hidden = Hidden(targets.excluded, targets.copies)
    for first, rows in blocks(targets.vectors.parts, block, queries.dtype):
        logits = scaled @ rows.to(queries.device).T  # (q, rows)
        if targets.log_shares is not None:
            logits += targets.log_shares[first : first + len(rows)].to(logits)
        hidden.hide(logits, first)
        higher = torch.maximum(peak, logits.amax(1, keepdim=True))
        at = higher.clamp_min(torch.finfo(queries.dtype).min)  # finite where every row so far is hidden
        shrink = (peak - at).exp()
        weights = logits.sub_(at).exp_()
        total.mul_(shrink).add_(weights.sum(1, keepdim=True))
        if with_gradient:
            weighted.mul_(shrink).addmm_(weights, rows.to(queries.device))
        peak = higher
    return (peak + total.log()).squeeze(1), weighted / total.clamp_min(torch.finfo(queries.dtype).tiny) / temperature
