"""What is told beside the figures: who was left out and why, and what casts doubt on the result."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..answers import AnswerTable, Gathered
from ..read_experiments import ExperimentRecord
from ..share_check import ShareCheck, check_shares
from .figures import Flag

FLAGS = {
    "shares": "users came to the arms as {users}, where the shares give {expected} (p = {p:.2g}, valid at every look): do not trust the "
    "result before the reason is found",
    "crossed": "{users} users were seen in more than one arm and are left out",
    "bots": "{users} users with {answers} answers searched or clicked faster than a person and are left out (over 100 answers or 300 events "
    "in an hour; --keep-bots counts them)",
    "kept bots": "{users} users with {answers} answers searched or clicked faster than a person and are counted, as --keep-bots says",
    "unassigned": "{answers} answers had no user: they are in no arm's figures",
    "outside": "{answers} answers belong to no experiment or to another one",
    "stray": "{answers} answers name an arm that the experiment's record does not have",
    "orphans": "{events} events name an answer that is not in the log (older files may be deleted)",
    "misplaced": "{events} events name a place that was not shown",
    "repeated": "{events} events were logged twice and count once",
    "torn": "{lines} lines are cut off at the end of a file, as a kill leaves them",
    "broken": "{lines} lines cannot be read and are skipped",
    "unknown": "{lines} lines are of a kind that this version does not know",
    "others": "{experiments} other experiments are in the log (--experiment)",
    "default effect": "no --effect was given, so the metric's default decides how the test is tuned: say it before the first look and keep it",
    "one look": "p and its interval are valid at one look that was fixed beforehand; the always-valid ones at every look",
}
"""Name -> what is told, in English; `words.py` has it in Chinese."""
_WARNINGS = ("shares", "crossed", "stray", "broken")


def flag(name: str, **facts: object) -> Flag:
    """Return a flag of the table."""
    return Flag(name=name, facts=facts, is_warning=name in _WARNINGS)


def users_by_arm(table: AnswerTable, arms: int) -> NDArray[np.bool_]:
    """Return which arms (users, arms) each user was seen in."""
    seen = np.zeros((table.users, arms), bool)
    seen[table.user, table.arm] = True
    return seen


def share_check(table: AnswerTable, seen: NDArray[np.bool_], experiment: ExperimentRecord) -> ShareCheck:
    """Hold users against the shares that were in force when each was seen first; those in several arms count in none."""
    first = np.full(table.users, np.inf)
    np.minimum.at(first, table.user, table.at)
    single = seen.sum(axis=1) == 1
    starts = np.array([at for at, _ in experiment.ramps])
    stretch = np.searchsorted(starts, first, side="right") - 1
    counts = [seen[single & (stretch == number)].sum(axis=0) for number in range(len(starts))]
    return check_shares(counts, [[shares.get(name, 0.0) for name in experiment.names] for _, shares in experiment.ramps])


def gathered_flags(found: Gathered) -> Iterator[Flag]:
    """Give a flag for all that was read and not counted."""
    if found.unassigned:
        yield flag("unassigned", answers=sum(found.unassigned.values()), arms=dict(found.unassigned))
    for name, unit in (("outside", "answers"), ("stray", "answers"), ("orphans", "events"), ("misplaced", "events"), ("repeated", "events")):
        if number := getattr(found, name):
            yield flag(name, **{unit: number})
    for name in ("torn", "broken", "unknown"):
        if number := getattr(found.skipped, name):
            yield flag(name, lines=number)
