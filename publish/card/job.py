"""A version's card to look at, without sharing anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import AdaptError
from ...registry import Entry, Registry
from .files import README, card_files
from .licences import licence_questions
from .options import CardOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenCard:
    """The files of a card, and what is to be decided before the version is shared."""

    reference: str
    files: Mapping[str, str]
    questions: tuple[str, ...]

    @property
    def readme(self) -> str:
        """The card itself."""
        return self.files[README]

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {"reference": self.reference, "files": dict(self.files), "questions": list(self.questions)}


def write_card(registry: Registry, reference: str, make_options: Callable[..., CardOptions] = CardOptions) -> WrittenCard:
    """Write the card of a version of a registry.

    Args:
        registry: Where it is.
        reference: Its name.
        make_options: Makes the options of what it was made from.

    Raises:
        UnknownReferenceError: there is no such version.
        ConfigError: the bench's file or the template cannot be used.
    """
    entry = registry.find_reference(reference)
    ancestors = ancestors_of(registry, entry)
    files = card_files(entry, registry.folder(entry), make_options(ancestors=ancestors))
    return WrittenCard(reference=entry.reference, files=files, questions=licence_questions(entry, ancestors))


def ancestors_of(registry: Registry, entry: Entry) -> dict[str, Entry]:
    """Return what a version was made from, and what that was made from, as far as the registry has it: full reference -> entry."""
    found: dict[str, Entry] = {}
    waiting = [parent.reference for parent in entry.parents]
    while waiting:
        reference = waiting.pop()
        if reference in found:
            continue
        try:
            found[reference] = registry.find_reference(reference)
        except AdaptError:  # `base`, a folder, a repository, or a version that was removed
            continue
        waiting += [parent.reference for parent in found[reference].parents]
    return found
