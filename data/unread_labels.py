"""A column of labels beside questions and answers, which is not read: rows with the label 0 are then trained on like all others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..plurals import count
from .readers import Row

_NAMES = frozenset({"label", "labels", "标签", "標籤"})
_ZERO, _ONE = frozenset({"0", "0.0", "false"}), frozenset({"1", "1.0", "true"})


@dataclass(slots=True)
class UnreadLabels:
    """Counts the rows whose label says that the two texts do not belong together."""

    _column: str = ""
    _zeros: int = 0
    _ones: int = 0
    _others: int = 0

    def meet(self, row: Row, unused: Iterable[str]) -> None:
        """Look at a row, of which some columns are not used."""
        column = next((each for each in unused if each.strip().lower() in _NAMES), None)
        if column is None:
            return
        self._column, value = column, str(row[column]).strip().lower()
        self._zeros += value in _ZERO
        self._ones += value in _ONE
        self._others += value not in _ZERO | _ONE

    def notes(self, source: str) -> tuple[str, ...]:
        """Return the line that says so, where the labels are 0 and 1."""
        if not self._zeros or self._others:
            return ()
        return (
            f"{source}: {count(self._zeros, 'row')} of {self._zeros + self._ones} with 0 under {self._column!r}, which is not read: they are "
            "trained on as answers; remove these rows, or give such texts a column negative",
        )
