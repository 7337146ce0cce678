"""Users who are not a person: they search or click faster than one, or outweigh all others of their arm together with few of their like."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..statistics.sequential import MOST_OF_ONE, READY_USERS
from .answers import CLICK, NOBODY, PURCHASE, AnswerTable

ANSWERS_PER_HOUR, EVENTS_PER_HOUR = 100, 100
"""More in one hour of the clock is not a person's: a search, or a click, every 36 seconds all the time."""


def find_bots(table: AnswerTable) -> NDArray[np.bool_]:
    """Return whether each user (users,) searched or clicked more in some hour than a person does, or has too much of an arm."""
    searched = _above(table.user, table.at, ANSWERS_PER_HOUR, table.users)
    acted = _above(table.user[table.event_answer], table.event_at, EVENTS_PER_HOUR, table.users)
    return searched | acted | _find_heavy(table)


def _above(user: NDArray[np.int32], at: NDArray[np.float64], most: int, users: int) -> NDArray[np.bool_]:
    found = np.zeros(users, bool)
    if len(user):
        hours = (at // 3600).astype(np.int64)
        hours -= hours.min()
        cells, counts = np.unique(user.astype(np.int64) * (hours.max() + 1) + hours, return_counts=True)
        found[cells[counts > most] // (hours.max() + 1)] = True
    return found


def _find_heavy(table: AnswerTable) -> NDArray[np.bool_]:
    """Return which users have more than `MOST_OF_ONE` of what some metric of an arm is counted of.

    That is answers, those with a click, those with a click on a team's item, and purchases; nobody is heavy among few, of whom nothing is decided.
    """
    is_click = table.event_kind == CLICK
    clicked, teamed = (np.unique(table.event_answer[each]) for each in (is_click, is_click & (table.event_team != NOBODY)))
    counted = (np.arange(len(table)), clicked, teamed, table.event_answer[table.event_kind == PURCHASE])
    found: NDArray[np.bool_] = np.logical_or.reduce([_has_most(table, rows) for rows in counted])
    return found


def _has_most(table: AnswerTable, rows: NDArray[np.integer]) -> NDArray[np.bool_]:
    arm = table.arm[rows].astype(np.int64) - NOBODY
    arms = int(arm.max(initial=0)) + 1
    counts = np.bincount(arm * table.users + table.user[rows], minlength=arms * table.users).reshape(arms, table.users)
    are_many = np.count_nonzero(counts, axis=1, keepdims=True) >= READY_USERS
    return np.asarray(((counts > MOST_OF_ONE * counts.sum(axis=1, keepdims=True)) & are_many).any(axis=0))
