"""What no augmentation may change: numbers, units, negations and the terms of a glossary, each as often as it stood there."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ...data.protected import protected_multiset, protected_spans
from ...data.terms import EMPTY, Glossary


@dataclass(frozen=True, slots=True)
class Guard:
    """Finds and counts what must not change. A term and its synonyms count as the same."""

    glossary: Glossary = EMPTY

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return where the parts stand that must not change, (start, end) each, ascending and apart."""
        terms = [(start, end) for start, end, _ in self.glossary.occurrences(text)] if self.glossary.terms else []
        joined: list[tuple[int, int]] = []
        for start, end in sorted([*protected_spans(text), *terms]):
            if joined and start < joined[-1][1]:
                joined[-1] = joined[-1][0], max(end, joined[-1][1])
            else:
                joined.append((start, end))
        return joined

    def count(self, text: str) -> Counter[str]:
        """Return the parts of a text that must not change, with how often each stands there."""
        counted = protected_multiset(text)
        if self.glossary.terms:
            counted.update({f"term:{name}": times for name, times in self.glossary.concepts_in(text).items()})
        return counted

    def keeps(self, before: str, after: str) -> bool:
        """Return whether both texts have the same of them."""
        return self.count(before) == self.count(after)
