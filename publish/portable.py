"""A version as other machines may see it: what it lies on and what it was made from by names that mean the same everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ..errors import AdaptError
from ..registry import BaseRecord, Entry, ParentRecord, Registry
from ..registry.places import PLACES
from ..registry.stored import from_stored, to_stored
from .machine import Machine
from .scrub import scrub_json

_OF_THE_MACHINE = ("device", "host", "hostname", "user", "cwd")
"""Keys of a configuration that say where something ran, and not how."""


@dataclass(frozen=True, slots=True)
class HubName:
    """A base on the Hub: its repository, and the revision that has its weights."""

    id: str
    revision: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What things are called outside this machine.

    Attributes:
        bases: Fingerprint -> the repository.
        versions: Full reference -> `hf:OWNER/NAME@COMMIT` of what lies on the Hub, or a path inside the folder that is written.
        machine: Whose traces are taken out.
    """

    bases: Mapping[str, HubName]
    versions: Mapping[str, str] = field(default_factory=dict)
    machine: Machine

    def base(self, record: BaseRecord) -> BaseRecord:
        """Return a base by its name on the Hub, where one is known, without a path."""
        name = self.bases.get(record.sha256)
        return replace(record, path=None) if name is None else replace(record, id=name.id, revision=name.revision, path=None, name=name.id)

    def version(self, reference: str) -> str:
        """Return what a version is called; one of this registry alone as `./NAME@VERSION`, which is no name of another registry's."""
        return self.versions[reference] if reference in self.versions else elsewhere(reference)


def elsewhere(reference: str) -> str:
    """Return a version of one registry by a name that no version of another has; what has a name everywhere keeps it."""
    return reference if reference == "base" or reference.startswith(("hf:", "./")) else f"./{reference}"


def portable(entry: Entry, names: Names) -> Entry:
    """Return a version without a path, a device or a name of this machine, and without where it lies on the Hub.

    Args:
        entry: The version.
        names: What stands for what is of this machine.
    """
    stored = to_stored(replace(entry, hub=()))
    labels = {base.sha256: base.label for base in entry.bases}
    known = {path: labels.get(name, name) for name, path in stored.pop(PLACES).items()}
    plain = from_stored(scrub_json(stored, known, names.machine))
    return replace(
        plain,
        bases=tuple(names.base(base) for base in plain.bases),
        parents=_parents(plain, entry, names),
        config={key: value for key, value in plain.config.items() if key not in _OF_THE_MACHINE},
    )


def _parents(plain: Entry, entry: Entry, names: Names) -> tuple[ParentRecord, ...]:
    """Return the parents under their names elsewhere: those that are known by where they lie here, else by what stands for that."""
    known = [
        own.reference if own.reference in names.versions else each.reference for each, own in zip(plain.parents, entry.parents, strict=True)
    ]
    return tuple(replace(each, reference=names.version(name)) for each, name in zip(plain.parents, known, strict=True))


def known_on_the_hub(registry: Registry, entry: Entry) -> dict[str, str]:
    """Return where the parents of a version lie on the Hub, as far as that is recorded: full reference -> `hf:OWNER/NAME@COMMIT`."""
    found = {}
    for parent in entry.parents:
        try:
            here = registry.find_reference(parent.reference)
        except AdaptError:  # `base`, a folder, a repository, or a version that was removed
            continue
        if here.hub:
            found[parent.reference] = here.hub[-1].reference
    return found
