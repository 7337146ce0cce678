"""Which answers count in a split: those of users whom one arm answered, and who are no faster than a person."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..measures.answers import AnswerTable
from ..measures.bots import find_bots
from ..measures.stretches import Stretch, stretch_at
from ..statistics.share_check import ShareCheck, check_shares
from .figures import Flag
from .flags import flag


@dataclass(frozen=True, slots=True)
class People:
    """Whether each answer (n,) counts, and what is told of those that do not."""

    is_counted: NDArray[np.bool_]
    flags: tuple[Flag, ...]


def choose_people(table: AnswerTable, stretches: tuple[Stretch, ...], *, is_split: bool, keep_bots: bool) -> People:
    """Say which answers count, and hold the users of a split against its shares."""
    flags: list[Flag] = []
    crossed = crossed_users(table, stretch_at(stretches, table.at)) if is_split else np.zeros(table.users, bool)
    if crossed.any():
        flags.append(flag("crossed", users=int(crossed.sum())))
    if is_split:
        flags += _share_flags(share_check(table, crossed, stretches), stretches)
    bots = find_bots(table)
    if bots.any():
        flags.append(flag("kept bots" if keep_bots else "bots", users=int(bots.sum()), answers=int(bots[table.user].sum())))
    is_out = crossed | (bots & (not keep_bots))
    return People(~is_out[table.user], tuple(flags))


def _share_flags(found: ShareCheck, stretches: tuple[Stretch, ...]) -> list[Flag]:
    expected = [round(each) for each in found.expected]
    off = [flag("shares", users=list(found.users), expected=expected, p=found.p)] if found.is_off else []
    return off + ([flag("ramps", ramps=len(stretches) - 1)] if len(stretches) > 1 else [])


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
