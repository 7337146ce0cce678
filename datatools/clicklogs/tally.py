"""Sums by key over a stream of arrays, in memory that grows with the distinct keys alone."""

from __future__ import annotations

import numpy as np


class Tally:
    """Keys, ascending, and sums of some columns for each."""

    def __init__(self, columns: int, dtype: type = np.int64) -> None:
        self.keys: np.ndarray = np.empty(0, dtype=dtype)  # (n,)
        self.sums = np.empty((columns, 0))  # (columns, n)

    def add(self, keys: np.ndarray, *columns: np.ndarray) -> None:
        """Add to the sums: `keys` (m,), each column (m,)."""
        self.keys, at = np.unique(np.concatenate([self.keys, keys.astype(self.keys.dtype)]), return_inverse=True)
        joined = zip(self.sums, columns, strict=True)
        self.sums = np.array([np.bincount(at, np.concatenate([before, now]), len(self.keys)) for before, now in joined])

    def of(self, keys: np.ndarray) -> np.ndarray:
        """Return the sums of some keys, (columns, m); 0 of a key that never came."""
        if not len(self.keys):
            return np.zeros((len(self.sums), len(keys)))
        at = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[at] == keys, self.sums[:, at], 0.0)
