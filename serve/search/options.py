"""What a search server is asked to do, as words: refused where they contradict one another, before anything is loaded."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...abtests.experiment.explore import parse_share
from ...abtests.experiment.live import DEFAULT_WINDOW_S, LogSettings
from ...abtests.experiment.record import Kind
from ...abtests.experiment.split import ArmShare, Split, parse_interleave, parse_split
from ...abtests.log.writer import Fsync
from ...errors import RequestError
from ...names import normalise

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
LONGEST_WINDOW_S = 90 * 86_400.0


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is compared: how, and which arms."""

    kind: Kind
    arms: Sequence[ArmShare]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOptions:
    """What is searched, compared and logged.

    Attributes:
        index: The folder that references search; None: there is no `/search`.
        index_of: `REF=DIR`: a reference that searches an index of its own.
        texts: A corpus whose titles and texts are told with the items.
        split: `REF=SHARE,...`: users are divided among these arms.
        interleave: `REF,...`: every list holds the results of these arms.
        explore: In which share of the answers neighbours are swapped, such as `1%`.
        events: The folder of the log; None: nothing is logged.
        keep_days: Older files of the log are deleted; None: none.
        fsync: When lines of the log reach the disk; None: every 100 ms.
        event_window: How long after an answer its events are taken, such as `24h`; None: 24 hours.

    Raises:
        RequestError: two of them contradict one another, one needs another, or one is malformed.
    """

    index: Path | None = None
    index_of: Sequence[str] = ()
    texts: Path | None = None
    split: str | None = None
    interleave: str | None = None
    explore: str | None = None
    events: Path | None = None
    keep_days: int | None = None
    fsync: Fsync | None = None
    event_window: str | None = None

    def __post_init__(self) -> None:
        if self.split is not None and self.interleave is not None:
            raise RequestError("--split gives each user one arm, and --interleave every list all arms; give one of them")
        for option, value, needed, what in self._needs():
            if value and not needed:
                raise RequestError(f"{option} needs {what}")
        if self.keep_days is not None and self.keep_days * _UNITS["d"] < self.window_s():
            raise RequestError(
                f"--keep-days {self.keep_days} deletes answers of which events are taken for {self.window_s() / _UNITS['d']:g} days; "
                "keep them as long, or shorten --event-window"
            )
        for read in (self.comparison, self.own_indexes, self.window_s, self.explore_share):
            read()

    def _needs(self) -> list[tuple[str, bool, bool, str]]:
        has_index, has_log = self.index is not None, self.events is not None
        index, log = "an index to search: --index DIR", "the event log, where it is recorded: --events DIR"
        return [
            ("--index-of", bool(self.index_of), has_index, index),
            ("--texts", self.texts is not None, has_index, index),
            ("--split", self.split is not None, has_index, index),
            ("--interleave", self.interleave is not None, has_index, index),
            ("--events", has_log, has_index, index),
            ("--split", self.split is not None, has_log, log),
            ("--interleave", self.interleave is not None, has_log, log),
            ("--explore", self.explore is not None, has_log, log),
            ("--keep-days", self.keep_days is not None, has_log, log),
            ("--fsync", self.fsync is not None, has_log, log),
            ("--event-window", self.event_window is not None, has_log, log),
        ]

    def comparison_asked(self) -> Split | None:
        """Return the arms; None: nothing is compared."""
        if self.split is not None:
            return parse_split(self.split)
        return parse_interleave(self.interleave) if self.interleave is not None else None

    def comparison(self) -> Comparison | None:
        """Return what is compared, and how; None: nothing."""
        asked = self.comparison_asked()
        return None if asked is None else Comparison("split" if self.split is not None else "interleave", asked.arms)

    def own_indexes(self) -> dict[str, Path]:
        """Return reference -> its own index."""
        return dict(map(_own_index, self.index_of))

    def window_s(self) -> float:
        """Return the window of events in seconds."""
        return DEFAULT_WINDOW_S if self.event_window is None else parse_window(self.event_window)

    def explore_share(self) -> float:
        """Return in which share of the answers neighbours are swapped."""
        return 0.0 if self.explore is None else parse_share(self.explore)

    def log_settings(self) -> LogSettings | None:
        """Return how the log is kept; None: there is none."""
        if self.events is None:
            return None
        return LogSettings(
            folder=self.events,
            fsync=self.fsync or "interval",
            keep_days=self.keep_days,
            window_s=self.window_s(),
            explore=self.explore_share(),
        )


def parse_window(text: str) -> float:
    """Read `24h`, `30m`, `45s` or `7d` as seconds.

    Raises:
        RequestError: it is not of that form, or not above 0 and at most 90 days.
    """
    match = re.fullmatch(r"\s*([0-9.]+)\s*([smhd])\s*", text)
    try:
        seconds = float(match[1]) * _UNITS[match[2]] if match else math.nan
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= LONGEST_WINDOW_S:
        raise RequestError(f"--event-window {text!r} is not a time; expected one above 0 and at most 90d, such as 24h, 30m or 7d")
    return seconds


def _own_index(text: str) -> tuple[str, Path]:
    reference, _, folder = text.partition("=")
    if not reference.strip() or not folder.strip():
        raise RequestError(
            f"--index-of {text!r} is not REF=DIR; expected a reference and the index that it made, as in legal@best=legal-index"
        )
    return normalise(reference.strip()), Path(folder.strip())
