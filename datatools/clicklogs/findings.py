"""What was dropped of a log, and what must be known of the pairs: as findings and lines. No query is an example of what privacy dropped."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..report import Finding
from .examination import Examination
from .reading import Noticed
from .settings import ClickSettings
from .users import Robots


@dataclass(frozen=True, slots=True)
class Dropped:
    """What did not become pairs.

    Attributes:
        noticed: What was seen while reading.
        bad: Rows of the log and of the catalogue that could not be read.
        robots: Users taken for robots.
        flood: Impressions and clicks of one user beyond the first few.
        rare: Queries of too few users, and their share of impressions.
    """

    noticed: Noticed
    bad: tuple[int, int]
    robots: Robots
    flood: tuple[float, float]
    rare: tuple[int, float]


def findings_of(dropped: Dropped, settings: ClickSettings) -> tuple[Finding, ...]:
    """Return the findings whose count is not 0."""
    noticed, robots = dropped.noticed, dropped.robots
    found = [
        Finding(what="of the log could not be read", effect="dropped", count=dropped.bad[0]),
        Finding(what="of the catalogue could not be read", effect="dropped", count=dropped.bad[1]),
        *(
            Finding(what=f"{kind} taken out of the query", effect="changed", count=count)
            for kind, count in sorted(noticed.redacted.items())
        ),
        Finding(what="nothing was left of the query", effect="dropped", count=noticed.emptied),
        Finding(what="the item has the text of another, as which it counts", effect="changed", count=noticed.renamed),
        Finding(
            what=f"taken for robots, with {robots.shown:.0f} impressions and {robots.clicked:.0f} clicks",
            effect="dropped",
            count=robots.users,
            of="user",
        ),
        Finding(
            what=f"of one user, item and query beyond the first {settings.per_user}, with {dropped.flood[1]:.0f} clicks",
            effect="dropped",
            count=round(dropped.flood[0]),
            of="impression",
        ),
        Finding(
            what=f"came from fewer than {settings.min_users} users ({dropped.rare[1]:.1%} of what was shown)",
            effect="dropped",
            count=dropped.rare[0],
            of="query",
        ),
    ]
    return tuple(each for each in found if each.count)


MUCH = 0.1
"""Of what was shown: what robots had of it is said from here on, because it may be everybody who is not signed in."""


def describe_robots(robots: Robots, left: float) -> tuple[str, ...]:
    """Return a line where robots had much of what was shown; `left`: impressions that others had."""
    share = robots.shown / max(robots.shown + left, 1.0)
    if share < MUCH:
        return ()
    return (
        f"what was taken for robots had {share:.0%} of what was shown; a name that stands for everybody who is not signed in, such as 0 or "
        "guest, is one user: leave such cells empty, and they count as not known",
    )


def describe(
    examination: Examination | None, shown_at: np.ndarray, *, has_impressions: bool, has_positions: bool, corrected: bool
) -> tuple[str, ...]:
    """Return the lines that say how far the pairs can be trusted; `shown_at`: the positions at which anything was shown."""
    notes = []
    if not has_impressions:
        notes.append("the log has no impressions without a click: pairs are made by counts of clicks alone, without hard negatives")
    known = np.flatnonzero(~np.isnan(examination.values)) + 1 if examination is not None else shown_at
    if (unknown := np.setdiff1d(shown_at, known)).size:
        notes.append(f"examination is not known at position {_ranges(unknown.tolist())}: what was shown there does not count")
    if examination is not None and examination.is_flat:
        notes.append("the estimate does not differ from no position bias")
    if not corrected:
        notes.append("clicks are not corrected for their position" + ("" if has_positions else ", which the log does not tell"))
    return tuple(notes)


def _ranges(numbers: list[int]) -> str:
    spans: list[list[int]] = []
    for number in numbers:
        if spans and spans[-1][1] == number - 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ", ".join(f"{first}" if first == last else f"{first}-{last}" for first, last in spans)
