"""A log summed up: how often an item was shown, clicked and bought at a position for a query."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from .rows import LogRows
from .tally import Tally


@dataclass(frozen=True, slots=True)
class Cells:
    """Sums over a log, one for each query, item and position that there is, ascending; all arrays are (n,).

    `query` and `item` are numbers of `LogRows`, `position` counts from 1 (0: not known).
    """

    query: np.ndarray
    item: np.ndarray
    position: np.ndarray
    shown: np.ndarray
    clicked: np.ndarray
    bought: np.ndarray

    def take(self, which: np.ndarray) -> Cells:
        """Return some of the cells, by a mask or by numbers."""
        return Cells(*(getattr(self, each.name)[which] for each in fields(self)))

    def pair(self) -> np.ndarray:
        """Return the number of each cell's pair of query and item, (n,), from 0 and ascending."""
        if not len(self.query):
            return np.empty(0, dtype=np.int64)
        new = (self.query[1:] != self.query[:-1]) | (self.item[1:] != self.item[:-1])
        return np.concatenate([[0], np.cumsum(new)])

    @property
    def last_position(self) -> int:
        """The greatest position."""
        return int(self.position.max(initial=0))


def sum_cells(rows: LogRows, *, randomised: bool = False) -> Cells:
    """Sum a log up; `randomised`: its randomised lists alone. Rows whose counts are 0 do not count."""
    tally = Tally(3)
    items, positions = len(rows.items), int(rows.table["position"].max(initial=0)) + 1
    for chunk in rows.chunks():
        counted = chunk[(chunk["shown"] > 0) & (chunk["randomised"] | (not randomised))]
        keys = (counted["query"].astype(np.int64) * items + counted["item"]) * positions + counted["position"]
        tally.add(keys, counted["shown"], counted["clicked"], counted["bought"])
    pair, position = np.divmod(tally.keys, positions)
    query, item = np.divmod(pair, max(items, 1))
    return Cells(query, item, position, *tally.sums)
