"""What was found while cleaning, counted as it is found: nothing but numbers and a few examples is kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ...shown_text import one_line
from ..report import EXAMPLES, Effect, Finding
from .table import RULES

_AROUND = 28  # characters of an example before what changed in it
_SHOWN = 60  # characters of each text in an example


Key = tuple[str, Effect, bool]
"""Rule, effect, whether in dev."""


@dataclass(slots=True)
class Ledger:
    """Findings by rule and effect. With `traced`, the ids of all that was found are kept too, for measurements and tests.

    An id is `query:QID`, `passage:PID`, or `row:QID:PID`.
    """

    traced: bool = False
    counts: dict[Key, int] = field(default_factory=dict)
    examples: dict[Key, list[str]] = field(default_factory=dict)
    ids: dict[str, list[str]] = field(default_factory=dict)
    kept: dict[str, int] = field(default_factory=dict)

    def add(self, rule: str, effect: Effect, where: str, example: str, *, is_dev: bool = False) -> None:
        """Count one thing that a rule found, at an id."""
        key = (rule, effect, is_dev)
        self.counts[key] = self.counts.get(key, 0) + 1
        known = self.examples.setdefault(key, [])
        if len(known) < EXAMPLES and example not in known:
            known.append(example)
        if self.traced:
            self.ids.setdefault(rule, []).append(where)

    def keep(self, rule: str) -> None:
        """Count a change of a text that was not made, because a number in it would have changed."""
        self.kept[rule] = self.kept.get(rule, 0) + 1

    def findings(self) -> Iterator[Finding]:
        """Yield what was found, in the order of the rules."""
        order = list(RULES)
        for key in sorted(self.counts, key=lambda key: (key[2], order.index(key[0]))):
            rule, effect, is_dev = key
            what = f"{rule}: {RULES[rule].what}{_how(rule, effect, is_dev)}"
            yield Finding(what=what, effect=effect, count=self.counts[key], of=RULES[rule].of, examples=tuple(self.examples[key]))
        for rule, number in self.kept.items():
            what = f"{rule}: changes that would have altered a number, a unit or a negation, not made"
            yield Finding(what=what, effect="told", count=number, of=RULES[rule].of)


def _how(rule: str, effect: Effect, is_dev: bool) -> str:
    """Return what is to be said where something else was done than the rule does by itself."""
    if effect == RULES[rule].effect:
        return " (in dev)" if is_dev else ""
    return " (in dev, where rows stay)" if is_dev else " (dropped on request)" if effect == "dropped" else " (left as it is)"


def show_change(before: str, after: str) -> str:
    """Return the first place where two texts differ, before and after; what is not seen is written as its number."""
    first = next((at for at, (one, other) in enumerate(zip(before, after, strict=False)) if one != other), min(len(before), len(after)))
    start = max(0, first - _AROUND)
    return " -> ".join(repr(text[start : start + _SHOWN]) for text in (before, after))


def show_row(query: str, passage: str) -> str:
    """Return a query and a passage within a line."""
    return f"{shorten(query)} | {shorten(passage)}"


def shorten(text: str) -> str:
    """Return the beginning of a text, within a line."""
    line = one_line(text[: 4 * _SHOWN])
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}…"
