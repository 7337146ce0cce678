"""log sum exp over a corpus, of which each query's nearest rows are compared exactly and a uniform sample stands for the rest."""

from __future__ import annotations

import torch
from torch import Tensor

from .batch import CorpusTargets, Drawn


def log_sum_over_drawn(queries: Tensor, targets: CorpusTargets, drawn: Drawn, temperature: float) -> Tensor:
    """Estimate what `log_sum_over_corpus` computes; the sum under the logarithm is without bias.

    Each row of the sample that is neither among a query's nearest rows nor hidden from it counts for (rows of the rest) / (rows of the
    sample that are of the rest).

    Args:
        queries: (q, d), length 1, with gradients where they are wanted.
        targets: The corpus.
        drawn: What is compared of it; no copies are among the nearest.
        temperature: Above 0.

    Source: https://arxiv.org/abs/1412.2007 (importance sampling of the partition sum); the exact part beside it is ours.
    """
    vectors = targets.vectors
    near = vectors.rows(drawn.nearest.flatten()).to(queries).view(*drawn.nearest.shape, vectors.dimension)  # (q, n, d)
    near_logits = torch.bmm(near, queries.unsqueeze(2)).squeeze(2) / temperature  # (q, n)
    rest_logits = queries @ vectors.rows(drawn.sample).to(queries).T / temperature  # (q, m)
    if targets.log_shares is not None:
        near_logits = near_logits + targets.log_shares[drawn.nearest].to(queries)
        rest_logits = rest_logits + targets.log_shares[drawn.sample].to(queries)
    owner, row = _hidden_pairs(targets)
    hides_near, hides_rest = _hide_nearest(drawn, owner, row), _hide_sample(drawn, owner, row, targets.copies)
    known = drawn.nearest.shape[1] + torch.bincount(owner, minlength=len(queries)) - hides_near.sum(1)  # the nearest or hidden
    rest = vectors.count - len(targets.copies) - known  # (q,), rows
    weights = (rest / (~hides_rest).sum(1).clamp_min(1)).to(queries).clamp_min(torch.finfo(queries.dtype).tiny).log()
    near_logits = near_logits.masked_fill(hides_near.to(queries.device), -torch.inf)
    rest_logits = rest_logits.masked_fill(hides_rest.to(queries.device), -torch.inf) + weights.unsqueeze(1)
    return torch.cat([near_logits, rest_logits], 1).logsumexp(1)


def _hidden_pairs(targets: CorpusTargets) -> tuple[Tensor, Tensor]:
    """Return queries' numbers and the rows that are hidden from them, without the copies, which are hidden from all."""
    owner, row = targets.excluded
    counts = ~torch.isin(row, targets.copies)
    return owner[counts], row[counts]


def _hide_nearest(drawn: Drawn, owner: Tensor, row: Tensor) -> Tensor:
    """Return which of the nearest rows are hidden, (q, n) bool."""
    mask = torch.zeros(drawn.nearest.shape, dtype=torch.bool)
    pair, column = (drawn.nearest[owner] == row.unsqueeze(1)).nonzero(as_tuple=True)
    mask[owner[pair], column] = True
    return mask


def _hide_sample(drawn: Drawn, owner: Tensor, row: Tensor, copies: Tensor) -> Tensor:
    """Return which rows of the sample stand for nothing, since they are hidden or among the nearest, (q, m) bool."""
    mask = torch.zeros(len(drawn.nearest), len(drawn.sample), dtype=torch.bool)
    ordered, order = drawn.sample.sort()

    def find(rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return which of some rows stand in the sample, and where."""
        place = torch.searchsorted(ordered, rows).clamp_max(len(ordered) - 1)
        found = (ordered[place] == rows).nonzero().squeeze(1)
        return found, order[place[found]]

    pair, column = find(row)
    mask[owner[pair], column] = True
    pair, column = find(drawn.nearest.flatten())
    mask[pair // drawn.nearest.shape[1], column] = True
    mask[:, find(copies)[1]] = True
    return mask
