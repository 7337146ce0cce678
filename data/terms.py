"""Terms with definitions, synonyms and a parent each, and where they stand in texts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from .words import Terms, terms_of, word_spans


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """An entry of a glossary.

    Attributes:
        name: The term as it is preferred.
        definition: None where the glossary has none.
        synonyms: Other names of the same, without the name itself.
        parent: The term or category above it; None where there is none.
    """

    name: str
    definition: str | None = None
    synonyms: tuple[str, ...] = ()
    parent: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The name and its synonyms."""
        return (self.name, *self.synonyms)


@dataclass(frozen=True)
class Glossary:
    """The terms of a glossary. A name that two terms have is ambiguous: nothing is put in its place, and it is put in no other's place."""

    terms: tuple[Term, ...]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.terms)

    @cached_property
    def names(self) -> Terms:
        """All names, made ready for `words`."""
        return terms_of(name for term in self.terms for name in term.names)

    @cached_property
    def concepts(self) -> dict[str, str]:
        """Folded name -> the folded name of its term; an ambiguous name is its own."""
        owners: dict[str, set[str]] = defaultdict(set)
        for term in self.terms:
            for name in term.names:
                owners[fold_name(name)].add(fold_name(term.name))
        return {name: next(iter(own)) if len(own) == 1 else name for name, own in owners.items()}

    @cached_property
    def other_names(self) -> dict[str, tuple[str, ...]]:
        """Folded name -> the other unambiguous names of the same term, as they are written."""
        owners = Counter(folded for term in self.terms for folded in {fold_name(name) for name in term.names})
        found: dict[str, tuple[str, ...]] = {}
        for term in self.terms:
            sole = [name for name in term.names if owners[fold_name(name)] == 1]
            for name in sole:
                found[fold_name(name)] = tuple(other for other in sole if fold_name(other) != fold_name(name))
        return found

    def occurrences(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Yield (start, end, folded name) of each term that stands in a text, the longest first at each place."""
        for start, end in word_spans(text, self.names):
            folded = fold_name(text[start:end])
            if folded in self.names.folded:
                yield start, end, folded

    def concepts_in(self, text: str) -> Counter[str]:
        """Return how often each term stands in a text, under whichever of its names."""
        return Counter(self.concepts.get(folded, folded) for _, _, folded in self.occurrences(text))


EMPTY = Glossary(())


def fold_name(name: str) -> str:
    """Return a name as it is compared: in lower case, its white space as single spaces."""
    return " ".join(name.split()).lower()
