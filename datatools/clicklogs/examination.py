"""How often each position is looked at: estimated from the log, given in a file, or a curve that the user names."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...data.readers import read_table
from ...errors import DataError
from .cells import Cells
from .em import maximise
from .harvest import connected, solve, swapped_clicks

CURVES: dict[str, Callable[[int], float]] = {
    "log": lambda position: 1 / math.log2(1 + position),
    "inverse": lambda position: 1 / position,
    "none": lambda _: 1.0,
}
"""Named defaults: position from 1 -> examination. `none` corrects nothing."""
MOST_POSITIONS = 100
GROUPS = 20
"""The log is cut into so many groups of queries, of which one at a time is left out: how much the estimate varies is its error."""
MOST_ERROR = 0.2
"""A position whose relative standard error is greater is not known."""
LEAST_SHARE = 0.5
"""Of the impressions that the known positions have at least; below it the log is refused."""


@dataclass(frozen=True, slots=True)
class Examination:
    """How often each position is looked at beside the first that is known.

    Attributes:
        values: (k,) for positions 1 to k; NaN: not known.
        errors: (k,) relative standard errors; None where they are not known.
        method: A way of `ESTIMATORS`, a name of `CURVES`, or a file.
    """

    values: np.ndarray
    errors: np.ndarray | None
    method: str

    @property
    def is_flat(self) -> bool:
        """Whether the estimate does not differ from no bias at all: every value is within three errors of 1."""
        known = ~np.isnan(self.values)
        return (
            self.errors is not None
            and len(known) > 1
            and bool((np.abs(self.values - 1)[known] <= 3 * (self.values * self.errors)[known] + 1e-9).all())
        )


def _harvest(cells: Cells, positions: int) -> tuple[np.ndarray, np.ndarray]:
    clicks = [swapped_clicks(part, positions) for part in _groups(cells)]
    total = np.sum(clicks, axis=0)
    known = connected(total)
    return solve(total, known), np.array([solve(total - part, known) for part in clicks])


def _rate(cells: Cells, positions: int) -> tuple[np.ndarray, np.ndarray]:
    """In lists that were shuffled every position holds the same on average, so that click rates are examination."""
    sums = np.array([[np.bincount(part.position - 1, each, positions) for each in (part.clicked, part.shown)] for part in _groups(cells)])
    total = sums.sum(0)  # (2, k): clicks, impressions

    def relative(clicked: np.ndarray, shown: np.ndarray) -> np.ndarray:
        rate = np.divide(clicked, shown, out=np.full(positions, np.nan), where=(shown > 0) & (clicked > 0))
        known = rate[~np.isnan(rate)]
        return np.asarray(rate / known[0]) if len(known) else rate

    return relative(*total), np.array([relative(*(total - part)) for part in sums])


def _maximise(cells: Cells, positions: int) -> tuple[np.ndarray, None]:
    return maximise(cells, positions), None


Estimator = Callable[[Cells, int], tuple[np.ndarray, np.ndarray | None]]
ESTIMATORS: dict[str, Estimator] = {"harvest": _harvest, "randomised": _rate, "em": _maximise}
"""Way -> cells and number of positions -> examination (k,), and the same with each group left out, (groups, k); None: no errors are known."""


def estimate_examination(cells: Cells, method: str) -> Examination:
    """Estimate the examination of every position that the log tells of.

    Args:
        cells: The log; for `randomised`, its randomised lists.
        method: A way of `ESTIMATORS`.

    Raises:
        DataError: the log has not what it takes; the message says which ways are left.
    """
    positions = min(cells.last_position, MOST_POSITIONS)
    within = cells.take(cells.position <= positions)
    if positions < 2:
        return Examination(np.ones(positions), np.zeros(positions), method)
    _refuse_fixed(within, method)
    values, left_out = ESTIMATORS[method](within, positions)
    if left_out is None:
        return Examination(values, None, method)
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = np.log(left_out)
        errors = np.sqrt((len(logs) - 1) / len(logs) * ((logs - logs.mean(0)) ** 2).sum(0))
    known = ~np.isnan(values) & (errors <= MOST_ERROR)
    values = np.where(known, values, np.nan)
    shown = np.bincount(cells.position, cells.shown)
    if known.sum() < 2 or shown[1 : positions + 1][known].sum() < LEAST_SHARE * shown.sum():
        raise DataError(
            f"the log tells the examination of {int(known.sum())} of {positions} positions: too few clicks on items that {_WAYS}"
        )
    return Examination(values, np.where(known, errors, np.nan), method)


_WAYS = (
    "stood at several positions for one query. So position bias cannot be estimated, and is not guessed; give it as a table (--examination "
    "FILE with the columns position,examination), or accept a curve: --examination log, inverse, or none (no correction)"
)


def _refuse_fixed(cells: Cells, method: str) -> None:
    """Refuse a log in which no item stood at two positions for one query; EM would take any answer for the truth there."""
    if method == "randomised":
        return
    if not (np.bincount(cells.pair()) > 1).any():
        raise DataError(f"in this log no item {_WAYS}")


def _groups(cells: Cells) -> list[Cells]:
    unit = cells.query if len(np.unique(cells.query)) >= 2 * GROUPS else cells.pair()
    return [cells.take(unit % GROUPS == group) for group in range(GROUPS)]


def named_curve(name: str, positions: int) -> Examination:
    """Return a curve of `CURVES`."""
    return Examination(np.array([CURVES[name](position) for position in range(1, positions + 1)]), None, name)


def read_examination(path: Path, positions: int) -> Examination:
    """Read examination from a table with the columns position and examination.

    Raises:
        DataError: the file is absent or malformed, or an examination is not above 0.
    """
    values = np.full(positions, np.nan)
    for where, row in read_table(path, ("position", "examination")):
        try:
            position, value = int(str(row["position"])), float(str(row["examination"]))
        except ValueError:
            raise DataError(f"{where}: expected a position from 1 and an examination above 0, found {row}") from None
        if position < 1 or not 0 < value < math.inf:
            raise DataError(
                f"{where}: position {position} has the examination {value:g}; expected a position from 1 and an examination above 0"
            )
        if position <= positions:
            values[position - 1] = value
    if np.isnan(values).all():
        raise DataError(f"{path} has none of the positions 1 to {positions} of the log")
    return Examination(values / values[np.flatnonzero(~np.isnan(values))[0]], None, str(path))
