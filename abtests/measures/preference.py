"""What users of interleaved lists prefer: credit goes to the arm whose items they clicked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr

from ..statistics.moments import Estimate, estimate_ratio, sum_moments
from .answers import CLICK, AnswerTable
from .arms import largest_part


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """How one arm stands against the first.

    Attributes:
        estimate: Wins less losses, of answers with a click on a team's item: -1 to 1, by user.
        wins, losses, ties: Answers; the arm with more clicks on its items wins.
        clicks, clicks_first: On items of the arm's team, and of the first arm's.
        users_for, users_against: Users with more wins than losses, and the other way.
        sign_p: Two-sided, of the sign test over those users; valid at one look.
        active_users: Users with a win or a loss.
        largest: The part of the answers with a click on a team's item that one user has, of the user with most.
    """

    estimate: Estimate
    wins: int
    losses: int
    ties: int
    clicks: int
    clicks_first: int
    users_for: int
    users_against: int
    sign_p: float
    active_users: int
    largest: float


def prefer(table: AnswerTable, arm: int, moment: float, is_counted: NDArray[np.bool_]) -> Preference:
    """Return how an arm stands against the first in interleaved answers, until a moment.

    Args:
        table: The answers.
        arm: The other arm, from 1.
        moment: Seconds since 1970; what was logged later is not seen.
        is_counted: (n,) which answers count.
    """
    credits = [credit(table, number, moment) for number in (0, arm)]
    has_click = is_counted & (table.at <= moment) & (credits[0] + credits[1] > 0)
    signs = np.where(has_click, np.sign(credits[1] - credits[0]), 0.0)
    totals, counts = (np.bincount(table.user, weights=each, minlength=table.users) for each in (signs, has_click))
    sides = int((totals > 0).sum()), int((totals < 0).sum())
    return Preference(
        estimate=estimate_ratio(sum_moments(totals[counts > 0], counts[counts > 0])),
        wins=int((signs > 0).sum()),
        losses=int((signs < 0).sum()),
        ties=int(has_click.sum() - np.abs(signs).sum()),
        clicks=int(credits[1][is_counted].sum()),
        clicks_first=int(credits[0][is_counted].sum()),
        users_for=sides[0],
        users_against=sides[1],
        sign_p=sign_test(*sides),
        active_users=int((totals != 0).sum()),
        largest=largest_part(counts.astype(np.float64)),
    )


def credit(table: AnswerTable, arm: int, moment: float) -> NDArray[np.float64]:
    """Return of each answer (n,) how many items of an arm's team were clicked until a moment."""
    chosen = (table.event_kind == CLICK) & (table.event_at <= moment) & (table.event_team == arm)
    return np.bincount(table.event_answer[chosen], minlength=len(table)).astype(float)


def sign_test(ups: int, downs: int) -> float:
    """Return the two-sided p-value of a fair coin that gave so many heads and tails."""
    return min(1.0, 2 * float(bdtr(min(ups, downs), ups + downs, 0.5))) if ups + downs else 1.0
