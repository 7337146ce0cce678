"""What came of each answer until a moment: clicks, purchases, the place of the click, whether the user had to search again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import RequestError
from .answers import CLICK, PURCHASE, AnswerTable

Values = NDArray[np.float64]
LONGEST_WAIT_S = 1800.0
"""A first click that came later counts as so late: somebody who left the page open does not decide a mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """How outcomes are counted: the first `k` places, and within how many seconds a search is the same need asked again."""

    k: int = 5
    again_s: float = 300.0

    def __post_init__(self) -> None:
        if self.k < 1 or not self.again_s > 0:
            raise RequestError(f"k is {self.k} and again_s {self.again_s:g}; expected a number of places from 1, and seconds above 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """Of each answer, (n,): `is_counted` where it was given until the moment; all else is 0 where nothing happened until then.

    Attributes:
        clicks, purchases: Items that were clicked, that were bought.
        clicks_k, purchases_k: Those among the first k places.
        reciprocal: One over the place of the highest item that was clicked.
        wait_s: Seconds until the first click, at most `LONGEST_WAIT_S`.
        is_again: Whether nothing was clicked and the same user sent another query soon after.
        ms: How long the answer took.
    """

    is_counted: NDArray[np.bool_]
    clicks: Values
    purchases: Values
    clicks_k: Values
    purchases_k: Values
    reciprocal: Values
    wait_s: Values
    is_again: Values
    ms: Values


def outcomes_until(table: AnswerTable, moment: float, counting: Counting) -> Outcomes:
    """Return what had come of each answer until a moment: what was logged later is not seen.

    Args:
        table: The answers.
        moment: Seconds since 1970; infinity: all of the log.
        counting: How it is counted.
    """
    is_counted = table.at <= moment
    seen = table.event_at <= moment
    clicks, purchases = (seen & (table.event_kind == kind) for kind in (CLICK, PURCHASE))
    early = table.event_position <= counting.k
    highest = np.full(len(table), np.inf)
    np.minimum.at(highest, table.event_answer[clicks], table.event_position[clicks])
    first = np.full(len(table), np.inf)
    np.minimum.at(first, table.event_answer[clicks], table.event_at[clicks])
    is_clicked = np.isfinite(first)
    wait = np.where(is_clicked, np.clip(first - table.at, 0, LONGEST_WAIT_S), 0.0)
    return Outcomes(
        is_counted=is_counted,
        clicks=_per_answer(table, clicks),
        purchases=_per_answer(table, purchases),
        clicks_k=_per_answer(table, clicks & early),
        purchases_k=_per_answer(table, purchases & early),
        reciprocal=1 / highest,
        wait_s=wait,
        is_again=(_asked_again(table, moment, counting.again_s) & ~is_clicked).astype(float),
        ms=table.ms,
    )


def _per_answer(table: AnswerTable, chosen: NDArray[np.bool_]) -> Values:
    return np.bincount(table.event_answer[chosen], minlength=len(table)).astype(float)


def _asked_again(table: AnswerTable, moment: float, within_s: float) -> NDArray[np.bool_]:
    """Return whether the user's next answer, until the moment, is of another query and came soon enough."""
    order = np.lexsort((table.at, table.user))
    user, at, query = table.user[order], table.at[order], table.query[order]
    again = np.zeros(len(order), bool)
    again[:-1] = (user[1:] == user[:-1]) & (query[1:] != query[:-1]) & (at[1:] - at[:-1] <= within_s) & (at[1:] <= moment)
    found = np.zeros(len(order), bool)
    found[order] = again
    return found
