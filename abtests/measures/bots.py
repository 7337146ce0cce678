"""Users who search or click faster than a person: found by their rates alone, which are no outcome of a test."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .answers import AnswerTable

ANSWERS_PER_HOUR, EVENTS_PER_HOUR = 100, 100
"""More in one hour of the clock is not a person's: a search, or a click, every 36 seconds all the time."""


def find_bots(table: AnswerTable) -> NDArray[np.bool_]:
    """Return whether each user (users,) searched or clicked more in some hour than a person does."""
    return _above(table.user, table.at, ANSWERS_PER_HOUR, table.users) | _above(
        table.user[table.event_answer], table.event_at, EVENTS_PER_HOUR, table.users
    )


def _above(user: NDArray[np.int32], at: NDArray[np.float64], most: int, users: int) -> NDArray[np.bool_]:
    found = np.zeros(users, bool)
    if len(user):
        hours = (at // 3600).astype(np.int64)
        hours -= hours.min()
        cells, counts = np.unique(user.astype(np.int64) * (hours.max() + 1) + hours, return_counts=True)
        found[cells[counts > most] // (hours.max() + 1)] = True
    return found
