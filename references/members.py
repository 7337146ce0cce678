"""What an ensemble keeps of a reference that becomes its member."""

from dataclasses import replace
from pathlib import Path

from ..ensemble import Member
from ..errors import AdapterError
from ..registry import BaseRecord, Registry, base_record
from .open import content_sha256, read_factors
from .types import Resolved


def as_member(resolved: Resolved, registry: Registry, weight: float = 1.0) -> Member:
    """Return a reference as an ensemble keeps it; no network is loaded.

    Args:
        resolved: What it is.
        registry: Where members that are registered lie.
        weight: Its share, on any scale.

    Raises:
        AdapterError: it is an ensemble itself, or is damaged.
    """
    if resolved.kind == "ensemble":
        raise AdapterError(f"{resolved.reference} is an ensemble, and ensembles do not nest; name its members instead")
    spec, encoding = resolved.base, resolved.encoding
    return Member(
        reference=_lasting_reference(resolved, registry),
        sha256=content_sha256(spec, read_factors(resolved), encoding.head),
        weight=weight,
        base=_record(resolved, registry),
        pooling=encoding.pooling,
        prompts=encoding.prompts,
        max_tokens=encoding.longest(),
        dimension=encoding.width(spec),
        side=resolved.side,
        head=None if encoding.head is None else encoding.head.load().sha256(),
        is_model=resolved.kind == "model",
    )


def _record(resolved: Resolved, registry: Registry) -> BaseRecord:
    """Return the record of the network; a whole model's own is called by the version, and found by it."""
    record = base_record(resolved.base)
    return replace(record, name=_lasting_reference(resolved, registry)) if resolved.kind == "model" else record


def _lasting_reference(resolved: Resolved, registry: Registry) -> str:
    """Return the version, the absolute path, or the Hub reference with the revision that lies here."""
    folder = resolved.base.folder if resolved.kind == "base" else resolved.folder
    assert folder is not None
    if resolved.reference == "base":
        return "base"
    if resolved.entry is not None and resolved.entry in registry.entries() and registry.folder(resolved.entry).samefile(folder):
        return resolved.entry.reference
    if resolved.reference.startswith("hf:"):
        repo = resolved.reference.partition("@")[0]
        return f"{repo}@{folder.name}" if folder.parent.name == "snapshots" else resolved.reference
    return str(Path(folder).resolve())
