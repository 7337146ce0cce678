"""The licences of the data that a version was trained on, and what they leave to be decided before it is shared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ...data.licence import known_licence
from ...registry import Entry
from ...shown_text import one_line

_JOINT = " + "  # between the sources of one run, and between their licences

_LIMITS: tuple[tuple[str, str], ...] = (
    ("-nc", "forbids commercial use"),
    ("noncommercial", "forbids commercial use"),
    ("non-commercial", "forbids commercial use"),
    ("research", "allows research alone"),
    ("-nd", "forbids sharing what is derived from it"),
    ("proprietary", "forbids sharing"),
    ("all-rights-reserved", "forbids sharing"),
)
"""What stands in the name of a licence -> what it limits."""
_UNKNOWN = ("unknown", "other", "")


@dataclass(frozen=True, slots=True)
class UsedData:
    """Data that a version, or one that it was made from, was trained on.

    `licence` is the Hub's id, or how the source words it; None where it is not recorded. `by` is who was trained on them.
    """

    by: str
    source: str
    licence: str | None

    @property
    def limits(self) -> tuple[str, ...]:
        """What the licence forbids, as far as its name says."""
        name = (self.licence or "").lower().replace(" ", "-")
        return tuple(dict.fromkeys(limit for mark, limit in _LIMITS if mark in name))


def used_data(entry: Entry, ancestors: Mapping[str, Entry] | None = None) -> tuple[UsedData, ...]:
    """Return the data of a version and of what it was made from, each source once."""
    return tuple(dict.fromkeys(_used(entry, ancestors or {}, frozenset())))


def licence_questions(entry: Entry, ancestors: Mapping[str, Entry] | None = None) -> tuple[str, ...]:
    """Return what is to be asked before a version is shared: a line for each source of data whose licence forbids it or is not known.

    Args:
        entry: The version.
        ancestors: What it was made from, where that is at hand: full reference -> entry.
    """
    return tuple(question for each in used_data(entry, ancestors) if (question := _question(each)))


def _question(data: UsedData) -> str | None:
    by, source, licence = one_line(data.by), one_line(data.source), one_line(data.licence or "")
    if data.limits:
        return f"{by} was trained on {source}, whose licence {licence} {' and '.join(data.limits)}: may it be shared?"
    if licence.lower() in _UNKNOWN:
        return f"{by} was trained on {source}, whose licence is not known: may it be shared?"
    return None


def _used(entry: Entry, ancestors: Mapping[str, Entry], seen: frozenset[str]) -> Iterator[UsedData]:
    if entry.data is not None:
        sources = entry.data.source.split(_JOINT)
        licences = (entry.data.licence or "").split(_JOINT)
        for number, source in enumerate(sources):
            recorded = licences[number] if len(licences) == len(sources) else entry.data.licence
            yield UsedData(entry.reference, source, recorded or known_licence(source))
    for parent in entry.parents:
        if parent.reference in ancestors and parent.reference not in seen:
            yield from _used(ancestors[parent.reference], ancestors, seen | {parent.reference})
