"""Which items of a task were seen in training, and how that is described. `find.py` looks for them, `unseen.py` takes them out.

A leak is a *query* that was trained on. To have trained on passages of the same corpus is how retrieval is trained, and not a leak; that a
query's answer was the answer to another query is counted separately.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from ...plurals import be, count, singular
from ...text_tables import shorten

How = Literal["pair", "exact", "near"]
"""How an item was seen, the worst first: with its answer, word for word (but for case and white space), or nearly so."""
_IN_WORDS: dict[How, str] = {"pair": "with an answer", "exact": "word for word", "near": "nearly"}
_EXAMPLES = 3
_SHOWN = 90  # characters of an example


@dataclass(frozen=True, slots=True)
class Leak:
    """One item that was seen: how, by which trained ancestor, how alike (0 to 1; estimated where `how` is "near"), and its first text."""

    item: str
    how: How
    by: str
    similarity: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskLeaks:
    """What one reference saw of one task.

    Attributes:
        task: The task.
        reference: The reference.
        items: How many items the task has, `item` being what they are.
        item: See `TaskKind`.
        leaks: The items that were seen, in the task's order, each once.
        answers_seen: How many items have an answer that was trained on, with this query or another; 0 where items have no answers.
        trained: The trained ancestors that it was compared with.
        unknown: Those of whom no training texts are recorded.
    """

    task: str
    reference: str
    items: int
    item: str
    leaks: tuple[Leak, ...] = ()
    answers_seen: int = 0
    trained: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[How, int]:
        """How many items were seen, by kind."""
        counted = Counter(leak.how for leak in self.leaks)
        return {how: counted[how] for how in get_args(How)}

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON can hold it, without texts."""
        plain = ("task", "reference", "items", "item", "answers_seen", "trained", "unknown")
        leaks = [{"item": leak.item, "how": leak.how, "by": leak.by, "similarity": leak.similarity} for leak in self.leaks]
        return {name: getattr(self, name) for name in plain} | {"counts": self.counts, "leaks": leaks}

    def describe(self, references: Sequence[str] = ()) -> str:
        """Return it as a line, followed by some of the texts; `references` saw the same (none: this one alone)."""
        by = ", ".join(references or (self.reference,))
        seen_how = ", ".join(f"{number} {_IN_WORDS[how]}" for how, number in self.counts.items() if number)
        lines = [
            f"{self.task}: {len(self.leaks)} of {count(self.items, singular(self.item))} {be(len(self.leaks))} seen in training by {by}"
            + (f" ({seen_how})" if seen_how else "")
        ]
        lines += [
            f"  {leak.how} {leak.similarity:.2f}: {shorten(' '.join(leak.text.split()), _SHOWN, '...')}"
            for leak in worst_first(self.leaks)[:_EXAMPLES]
        ]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leakage:
    """What all references saw of all tasks; tasks whose items are not texts of queries (`not_checked`) are left out."""

    found: tuple[TaskLeaks, ...]
    not_checked: tuple[str, ...] = ()

    def leaked(self, task: str) -> set[str]:
        """Return the items of a task that any reference saw."""
        return {leak.item for each in self.found if each.task == task for leak in each.leaks}

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON can hold it, without texts."""
        return {"cells": [each.as_dict() for each in self.found], "not_looked_at": list(self.not_checked)}

    def describe(self) -> list[str]:
        """Return lines to show: every leak, which tasks are clean, and whose training texts are not recorded."""
        alike: dict[tuple[str, tuple[Leak, ...]], list[TaskLeaks]] = {}
        for each in self.found:
            if each.leaks:
                alike.setdefault((each.task, each.leaks), []).append(each)
        clean = dict.fromkeys(each.task for each in self.found if each.trained and not self.leaked(each.task))
        lines = [same[0].describe([each.reference for each in same]) for same in alike.values()]
        lines += [f"no leak found: nothing of {', '.join(clean)} was seen in the recorded training texts"] if clean else []
        return lines + self._describe_unknown()

    def _describe_unknown(self) -> list[str]:
        ancestors = dict.fromkeys(name for each in self.found for name in each.unknown)
        behind = dict.fromkeys(each.reference for each in self.found if each.unknown)
        if not ancestors:
            return []
        whose, which = ", ".join(ancestors), ", ".join(behind)
        return [f"no training texts are recorded for {whose}, so it is not known whether {which} saw the test set"]


def worst_first(leaks: Sequence[Leak]) -> list[Leak]:
    """Return leaks, those that were seen most plainly first."""
    return sorted(leaks, key=lambda leak: (get_args(How).index(leak.how), -leak.similarity))
