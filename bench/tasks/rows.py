"""Tasks whose data are a table of rows: items are called by the row's number, from 1."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np


def numbered(values: "Sequence[float] | np.ndarray") -> dict[str, float]:
    """Return values by the names of their rows."""
    return {str(row): float(value) for row, value in enumerate(values, start=1)}


def part_by(target: str) -> Callable[[Any, Collection[str]], Any | None]:
    """Return what takes some rows of a table; None where fewer than two values are left in the column `target`."""

    def part(data: Any, items: Collection[str]) -> Any | None:
        rows = data.select([int(item) - 1 for item in items])
        return rows if len(set(rows[target])) > 1 else None

    return part
