"""Rows that a source of pairs or texts itself keeps for choosing or testing, by its column `split`: they are not trained on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...errors import DataError
from ...plurals import count

SPLIT_COLUMNS = ("split", "划分", "劃分")
HELD_OUT = ("dev", "val", "valid", "validation", "eval", "test", "验证", "验证集", "測試", "测试", "测试集")
"""What such rows have there, in any case; also `test` with something behind it, as in `test_unseen`."""


def is_split_column(column: str) -> bool:
    """Return whether a column says which split a row is of, by its name."""
    return column.strip().lower() in SPLIT_COLUMNS


@dataclass(slots=True)
class HeldOutRows:
    """Tells such rows apart, and counts them."""

    _met: Counter[str] = field(default_factory=Counter)

    def meet(self, row: Mapping[str, Any]) -> bool:
        """Return whether a row is held out."""
        name = next((str(value).strip() for column, value in row.items() if is_split_column(column)), "")
        is_held = name.lower() in HELD_OUT or name.lower().startswith("test")
        if is_held:
            self._met[name] += 1
        return is_held

    def notes(self, source: str, kept: int) -> tuple[str, ...]:
        """Return a line on the rows that were held out, none where there are none.

        Args:
            source: What they are called.
            kept: How many rows were not.

        Raises:
            DataError: all were.
        """
        self.check(source, kept)
        way = "; to choose states by some, write them into a table of their own: --dev TABLE"
        return tuple(line + way for line in self.left_out(source))

    def left_out(self, source: str) -> tuple[str, ...]:
        """Return a line on what was left out of a source, none where nothing was."""
        if not self._met:
            return ()
        rows = count(self._met.total(), "row")
        return (f"{source}: {rows} left out, which the column {SPLIT_COLUMNS[0]} keeps for choosing or testing ({self._names})",)

    def check(self, source: str, kept: int) -> None:
        """Refuse a source that keeps all of its rows for that; arguments and errors are those of `notes`."""
        if self._met and not kept:
            raise DataError(
                f"{source}: the column {SPLIT_COLUMNS[0]} keeps all rows for choosing or testing ({self._names}); expected some with train"
            )

    @property
    def _names(self) -> str:
        return ", ".join(f"{rows} {name}" for name, rows in self._met.items())
