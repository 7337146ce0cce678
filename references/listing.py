"""The versions of a registry, all of them or those for one domain, and the domains that there are."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ..data.domains import domain_names
from ..errors import DomainError, unknown_name
from ..registry import Entry, Registry
from .width import vector_width


@dataclass(frozen=True, slots=True)
class Listing:
    """Versions of a registry."""

    registry: Registry
    entries: tuple[Entry, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {"registry": str(self.registry.home), "entries": [self._row(entry) for entry in self.entries]}

    def _row(self, entry: Entry) -> dict[str, Any]:
        return {
            "reference": entry.reference,
            "aliases": self.registry.aliases_of(entry),
            "kind": entry.kind,
            "side": entry.side,
            "domain": entry.domain,
            "bases": [base.label for base in entry.bases],
            "size": entry.size,
            "dimension": vector_width(entry),
            "scores": {of: asdict(score) for of, score in entry.scores.items()},
            "created": entry.created,
            "unchecked": bool(entry.unchecked),
            "builtin": self.registry.is_builtin(entry),
        }


def list_versions(registry: Registry, domain: str | None = None) -> Listing:
    """List the versions, or those that were made for a domain.

    Raises:
        DomainError: the domain neither ships nor is that of a version; the message names the nearest.
    """
    if domain is not None and domain not in (known := known_domains(registry)):
        raise DomainError(unknown_name("domain", domain, sorted(known)))
    return Listing(registry, tuple(entry for entry in registry.entries() if domain in (None, entry.domain)))


def known_domains(registry: Registry) -> tuple[str, ...]:
    """Return the domains that ship, and those of the versions."""
    return tuple(dict.fromkeys((*domain_names(), *(entry.domain for entry in registry.entries() if entry.domain))))
