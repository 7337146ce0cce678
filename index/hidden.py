"""What of a corpus does not count for a query: hidden from a block of scores at a time."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Hidden:
    """The rows of a corpus that count for no query, and those that do not count for one.

    Attributes:
        excluded: (2, e) int64, pairs of a query's place and a row, in the order of the rows.
        copies: (c,) int64, ascending: rows that count for no query.
    """

    excluded: Tensor
    copies: Tensor

    def hide(self, scores: Tensor, first: int) -> None:
        """Set to -inf, in scores (q, rows) of the corpus's rows from `first` on, those that do not count."""
        owner, row = self.excluded
        ends = torch.tensor([first, first + scores.shape[1]])
        start, end = torch.searchsorted(row, ends).tolist()
        scores[owner[start:end], row[start:end] - first] = -torch.inf
        start, end = torch.searchsorted(self.copies, ends).tolist()
        scores[:, self.copies[start:end] - first] = -torch.inf

    def of_queries(self, start: int, end: int) -> Hidden:
        """Return what does not count for the queries from `start` to before `end`, whose places count from 0."""
        owner = self.excluded[0]
        kept = self.excluded[:, (owner >= start) & (owner < end)]
        return Hidden(torch.stack([kept[0] - start, kept[1]]), self.copies)


def nothing_hidden() -> Hidden:
    """Return that every row counts for every query."""
    return Hidden(torch.empty(2, 0, dtype=torch.int64), torch.empty(0, dtype=torch.int64))
