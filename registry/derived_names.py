"""A name for what is made of several versions, where the user gives none: never one that is something else's already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import ConfigError
from ..names import fits

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .entry import Entry, Kind
    from .store import Registry
    from .view import RegistryView

LONGEST = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What a version is made of: the short names of the inputs, their full references, and the fingerprints of the bases they lie on."""

    names: Sequence[str]
    references: Sequence[str]
    bases: frozenset[str]

    def made(self, entry: Entry) -> bool:
        """Return whether a version was made of the same names on the same bases."""
        names = {_without_version(parent.reference) for parent in entry.parents}
        return names == {_without_version(text) for text in self.references} and self.bases == {base.sha256 for base in entry.bases}


def derive_name(registry: RegistryView, kind: Kind, inputs: Inputs, *, ending: str | None = None) -> str:
    """Return a name for a new version: the inputs' names joined, or the kind where that would be too long, and the ending.

    Raises:
        ConfigError: that is an input's own name, or the name of something that was not made of these inputs: the new version would become
            what everybody gets by that name.
    """
    after = [ending] if ending else []
    joined = "-".join([*dict.fromkeys(inputs.names), *after])
    name = joined if len(joined) <= LONGEST and fits(joined) else "-".join([kind, *after])
    if name in inputs.names:
        raise ConfigError(
            f"the result needs a name: as {name!r}, the name of an input, it would become its newest version; give another with "
            f"--name, such as --name {name}-{kind} (or --name {name}, if that is what you want)"
        )
    other = next((entry for entry in registry.entries() if entry.name == name and not (entry.kind == kind and inputs.made(entry))), None)
    if other is not None:
        made = f"the {other.kind} of {', '.join(each.reference for each in other.parents)}" if other.parents else f"an {other.kind}"
        raise ConfigError(
            f"the result needs a name: {name!r}, which its inputs suggest, belongs to something else ({other.reference}, {made}, on "
            f"{other.base_labels}); give another with --name"
        )
    return name


def name_result(registry: Registry, kind: Kind, inputs: Inputs, given: str | None, *, ending: str | None = None) -> str:
    """Return the name of a new version, the given one or else the derived one, before anything is computed for it.

    Raises:
        ConfigError: as `derive_name`.
        RegistryError: nothing can be registered under that name.
    """
    name = given or derive_name(registry, kind, inputs, ending=ending)
    registry.check_new_name(name)
    return name


def shared_domain(domains: Iterable[str | None]) -> str | None:
    """Return the domain that all inputs share; None where they differ."""
    found = set(domains)
    return found.pop() if len(found) == 1 else None


def _without_version(reference: str) -> str:
    return reference.partition("@")[0]
