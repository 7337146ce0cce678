"""What is told beside the figures: who was left out and why, and what casts doubt on the result."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..experiment.record import Experiment
from ..log.folder import day_files, day_of
from ..measures.answers import Gathered
from ..measures.stretches import moment_of
from .figures import Flag

DAY = 86400.0

FLAGS = {
    "shares": "users came to the arms as {users}, where the shares give {expected} (p = {p:.2g}, valid at every look): do not trust the "
    "result before the reason is found",
    "crossed": "users seen in two arms without a ramp that moved them: {users}; left out",
    "bots": "{users} users with {answers} answers searched or clicked faster or more than a person and are left out (over 100 answers or 100 "
    "events in an hour, or a fifth of an arm's; --keep-bots counts them)",
    "kept bots": "{users} users with {answers} answers searched or clicked faster or more than a person and are counted, as --keep-bots says",
    "unassigned": "answers without a user: {answers}; they are in no arm's figures",
    "outside": "answers of no experiment or of another one: {answers}",
    "stray": "answers of an arm that the experiment's record does not have: {answers}",
    "orphans": "events of an answer that is not in the log: {events} (older files may be deleted)",
    "misplaced": "events of a place that was not shown: {events}",
    "repeated": "events that were logged twice: {events}; they count once",
    "torn": "lines cut off at the end of a file, as a kill leaves them: {lines}",
    "broken": "lines that cannot be read, and are skipped: {lines}",
    "unknown": "lines of a kind that this version does not know: {lines}",
    "ramps": "{ramps} ramps changed the shares: arms are compared within each stretch, and the values are means of the stretches",
    "cut": "the log begins on {first}, and the experiment on {created}: where older days were deleted (--keep-days), early looks and late ones "
    "share no data, and the chance of a wrong decision is above alpha",
    "others": "other experiments in the log: {experiments} (--experiment)",
    "week": "the test has run for {days} days: before a whole week, weekdays and weekends are not both in it",
    "arms": "{arms} arms are compared with the first, so that each comparison has the level {alpha:.4g}",
    "other plan": "the plan that is kept beside the log says {planned}, and other values were given: a test that is tuned after a look is "
    "not valid",
    "default effect": "no smallest difference was planned or said (--effect), so a default tunes the test: keep a plan before the first "
    "look (adapt ab plan --keep)",
    "one look": "p and its interval are valid at one look that was fixed beforehand; the always-valid ones at every look",
}
"""Name -> what is told, in English; `words.py` has it in Chinese."""
_WARNINGS = ("shares", "crossed", "stray", "broken", "other plan", "cut")


def flag(name: str, **facts: object) -> Flag:
    """Return a flag of the table."""
    return Flag(name=name, facts=facts, is_warning=name in _WARNINGS)


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


def cut_flag(folder: Path, experiment: Experiment) -> Iterator[Flag]:
    """Give a flag where the file of the day on which an experiment began is not there."""
    first, created = min(day_files(folder)), day_of(moment_of(experiment.created))
    if first > created:
        yield flag("cut", first=first.isoformat(), created=created.isoformat())


def week_flag(first: float, last: float) -> Iterator[Flag]:
    """Give a flag where the log is shorter than a week."""
    if last - first < 7 * DAY:
        yield flag("week", days=round((last - first) / DAY, 1))
