"""What of a corpus does not count for a query: hidden from a block of scores at a time."""

from __future__ import annotations

import torch
from torch import Tensor

from .batch import CorpusTargets


class Hidden:
    """The excluded pairs and the copies of some targets."""

    def __init__(self, targets: CorpusTargets) -> None:
        self._owner, self._row = targets.excluded
        self._copies = targets.copies

    def hide(self, scores: Tensor, first: int) -> None:
        """Set to -inf, in scores (q, rows) of the corpus's rows from `first` on, those that do not count."""
        ends = torch.tensor([first, first + scores.shape[1]])
        start, end = torch.searchsorted(self._row, ends).tolist()
        scores[self._owner[start:end], self._row[start:end] - first] = -torch.inf
        start, end = torch.searchsorted(self._copies, ends).tolist()
        scores[:, self._copies[start:end] - first] = -torch.inf
