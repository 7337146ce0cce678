"""Rows that cannot be read: refused, or skipped and counted by their reasons."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from ...errors import DataError
from ...plurals import count
from .quoting import QuotingNote

_MOST_REASONS = 5
_EXAMPLES = 3
_PARTICULAR = re.compile(r"'[^']*'|\"[^\"]*\"|\d+")


@dataclass(slots=True)
class BadRows:
    """What becomes of bad rows. With `skip` they are counted; else the first one is an error."""

    skip: bool = False
    reasons: Counter[str] = field(default_factory=Counter)
    _first: dict[str, str] = field(default_factory=dict)
    _places: dict[str, list[str]] = field(default_factory=dict)

    def refuse(self, where: str, problem: str) -> None:
        """Count a bad row.

        Args:
            where: The file and the row.
            problem: What is wrong with it, and what to do.

        Raises:
            DataError: bad rows are not to be skipped.
        """
        if not self.skip:
            raise DataError(f"{where}: {problem}")
        reason = _PARTICULAR.sub("…", problem)
        self.reasons[reason] += 1
        self._first.setdefault(reason, problem)
        if len(places := self._places.setdefault(reason, [])) < _EXAMPLES:
            places.append(where)

    def refuse_error(self, where: str, error: DataError) -> None:
        """Count a row whose reading ended in an error, whether its message names the row or not; raises as `refuse`."""
        self.refuse(where, str(error).removeprefix(f"{where}: "))

    def notes(self) -> tuple[str, ...]:
        """Return the line that counts what was skipped, the commonest reasons first; none where nothing was."""
        if not self.reasons:
            return ()
        return (QuotingNote(self._told(self._first), self._told({reason: reason for reason in self.reasons})),)

    def _told(self, shown: Mapping[str, str]) -> str:
        told = [
            f"{number} because {shown[reason]} ({'; '.join(self._places[reason])})"
            for reason, number in self.reasons.most_common(_MOST_REASONS)
        ]
        others = len(self.reasons) - len(told)
        more = [f"and {count(others, 'other reason')}"] if others > 0 else []
        return f"skipped {count(self.reasons.total(), 'bad row')}: " + "; ".join([*told, *more])
