"""Whose impressions count: robots do not, one user counts a few times, and queries of too few users are left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .rows import LogRows
from .tally import Tally

LEAST_SHOWN, LEAST_CLICKED = 1_000, 100
TIMES_THE_USUAL = 20
"""A robot has at least so many impressions or clicks, and so many times those of the user at the 95th percentile."""
ALL_CLICKED, OF_SHOWN = 0.9, 50
"""So does who clicks nine in ten of at least fifty impressions, where most impressions are not clicked."""
_COUNTS = ("shown", "clicked", "bought")


@dataclass(frozen=True, slots=True)
class Robots:
    """What was dropped as made by robots: users, and their impressions and clicks."""

    users: int
    shown: float
    clicked: float


def drop_robots(rows: LogRows) -> Robots:
    """Set the counts of users to 0 who have far more impressions or clicks than others, or click whatever they are shown."""
    tally = Tally(2, np.uint64)
    for chunk in rows.chunks():
        known = chunk[chunk["user"] != 0]
        tally.add(known["user"], known["shown"], known["clicked"])
    shown, clicked = tally.sums
    if not len(shown):
        return Robots(0, 0.0, 0.0)
    limits = (_limit(shown, LEAST_SHOWN), _limit(clicked, LEAST_CLICKED))
    clicks_all = (shown >= OF_SHOWN) & (clicked >= ALL_CLICKED * shown) & (clicked.sum() < 0.5 * shown.sum())
    robots = (shown > limits[0]) | (clicked > limits[1]) | clicks_all
    for chunk in rows.chunks():
        _scale(chunk, ~np.isin(chunk["user"], tally.keys[robots]))
    return Robots(int(robots.sum()), float(shown[robots].sum()), float(clicked[robots].sum()))


def _limit(counts: np.ndarray, least: float) -> float:
    return max(least, TIMES_THE_USUAL * float(np.percentile(counts, 95)))


def cap_users(rows: LogRows, most: int) -> tuple[float, float]:
    """Let an item count at most so many times that one user saw for one query, the first ones; return impressions and clicks dropped.

    Whether an impression counts does not depend on its click, so that rates keep their expectation.
    """
    dropped = np.zeros(2)
    for at in rows.by_query():
        part = rows.table[at]
        part = part[known] if not (known := part["user"] != 0).all() else part
        at = at[known]
        order = np.lexsort((at, part["item"], part["query"], part["user"]))
        ordered = part[order]
        same = np.ones(len(part), dtype=bool)
        for name in ("user", "query", "item"):
            same[1:] &= ordered[name][1:] == ordered[name][:-1]
        same[:1] = False
        before = np.cumsum(ordered["shown"]) - ordered["shown"]
        before -= before[np.maximum.accumulate(np.where(same, 0, np.arange(len(same))))]  # from the first of its kind
        kept = np.clip(most - before, 0, ordered["shown"]) / np.maximum(ordered["shown"], 1e-9)
        dropped += [((1 - kept) * ordered[name]).sum() for name in ("shown", "clicked")]
        _scale(ordered, kept)
        rows.table[at[order]] = ordered
    return float(dropped[0]), float(dropped[1])


def count_users(rows: LogRows) -> np.ndarray:
    """Return how many users each query comes from, (queries,). Two users whose hashes share 32 bits count once, which errs to privacy."""
    users = np.zeros(len(rows.queries), dtype=np.int64)
    for at in rows.by_query():
        part = rows.table[at]
        part = part[(part["user"] != 0) & (part["shown"] > 0)]
        pairs = np.unique(part["query"].astype(np.uint64) << np.uint64(32) | (part["user"] & np.uint64(0xFFFFFFFF)))
        users += np.bincount((pairs >> np.uint64(32)).astype(np.int64), minlength=len(users))
    return users


def _scale(chunk: np.ndarray, factor: np.ndarray) -> None:
    for name in _COUNTS:
        chunk[name] *= factor
