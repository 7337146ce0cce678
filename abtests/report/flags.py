"""What is told beside the figures: who was left out and why, and what casts doubt on the result."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..answers import AnswerTable, Gathered
from ..share_check import ShareCheck, check_shares
from ..stretches import Stretch, stretch_at
from .figures import Flag

FLAGS = {
    "shares": "users came to the arms as {users}, where the shares give {expected} (p = {p:.2g}, valid at every look): do not trust the "
    "result before the reason is found",
    "crossed": "{users} users were seen in two arms, and no ramp moved them: they are left out",
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
    "ramps": "{ramps} ramps changed the shares: arms are compared within each stretch, and the values are means of the stretches",
    "others": "{experiments} other experiments are in the log (--experiment)",
    "default effect": "no --effect was given, so the metric's default decides how the test is tuned: say it before the first look and keep it",
    "one look": "p and its interval are valid at one look that was fixed beforehand; the always-valid ones at every look",
}
"""Name -> what is told, in English; `words.py` has it in Chinese."""
_WARNINGS = ("shares", "crossed", "stray", "broken")


def flag(name: str, **facts: object) -> Flag:
    """Return a flag of the table."""
    return Flag(name=name, facts=facts, is_warning=name in _WARNINGS)


def crossed_users(table: AnswerTable, stretch: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return which users (users,) were seen in two arms within one stretch, which no ramp explains."""
    rows = np.unique(np.stack([table.user, stretch, table.arm], axis=1), axis=0)
    again = (rows[1:, :2] == rows[:-1, :2]).all(axis=1)
    found = np.zeros(table.users, bool)
    found[rows[1:][again, 0]] = True
    return found


def share_check(table: AnswerTable, crossed: NDArray[np.bool_], stretches: tuple[Stretch, ...]) -> ShareCheck:
    """Hold users against the shares that were in force when each was seen first: later answers draw no arm anew."""
    order = np.lexsort((table.at, table.user))
    users, first = np.unique(table.user[order], return_index=True)
    rows = order[first][~crossed[users]]
    stretch = stretch_at(stretches, table.at[rows])
    arms = len(stretches[0].shares)
    counts = [np.bincount(table.arm[rows][stretch == number], minlength=arms) for number in range(len(stretches))]
    return check_shares(counts, [each.shares for each in stretches])


def gathered_flags(found: Gathered) -> Iterator[Flag]:
    """Give a flag for all that was read and not counted."""
    if found.unassigned:
        yield flag("unassigned", answers=sum(found.unassigned.values()), arms=dict(found.unassigned))
    for name, unit in (
        ("outside", "answers"),
        ("stray", "answers"),
        ("orphans", "events"),
        ("misplaced", "events"),
        ("repeated", "events"),
    ):
        if number := getattr(found, name):
            yield flag(name, **{unit: number})
    for name in ("torn", "broken", "unknown"):
        if number := getattr(found.skipped, name):
            yield flag(name, lines=number)
