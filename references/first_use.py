"""What came from elsewhere before its base was on this machine is held against that base when it is first used."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from ..base.spec import BaseSpec, ResolvedBase
from ..errors import AdapterError, RegistryError
from ..registry import Entry, Registry
from .types import Resolved


def check_first_use(entry: Entry, folder: Path, base: ResolvedBase, registry: Registry) -> Entry:
    """Hold an adapter's modules against its base, and keep that it was done; return the entry with that.

    Raises:
        AdapterError: they do not fit, or are named as in a wrapper of the base.
    """
    _check(entry.reference, entry.reference, folder, base.spec)
    return _keep(entry, base, registry)


def check_members(ensemble: Entry, members: Iterable[Resolved], registry: Registry) -> Entry:
    """Hold the members that lie in an ensemble's folder against their bases, as `check_first_use`."""
    for member in members:
        if member.base.sha256 in ensemble.unchecked and member.folder is not None and member.kind != "model":
            _check(f"{ensemble.reference}, member {member.folder.name}", ensemble.reference, member.folder, member.base)
    for member in members:
        if member.base.sha256 in ensemble.unchecked:
            ensemble = _keep(ensemble, ResolvedBase(member.base, member.encoding), registry)
    return ensemble


def _check(what: str, reference: str, folder: Path, spec: BaseSpec) -> None:
    from ..lora import LoraFile
    from ..registry.foreign import fit_to_base

    file = LoraFile(folder)
    try:
        fitted = fit_to_base(file, spec)
    except AdapterError as e:
        raise AdapterError(f"{what} came before its base was here, and does not fit it: {e}") from e
    if fitted is not file:
        raise AdapterError(
            f"{what} came before its base was here, and names the base's modules as a wrapper of it has them; now that the base is here, "
            f"take it in again: adapt rm {reference}, then adapt pull"
        )


def _keep(entry: Entry, base: ResolvedBase, registry: Registry) -> Entry:
    with suppress(RegistryError):  # a registry that cannot be written: it is checked again next time
        return registry.record_checked(entry, base.spec.sha256, pooling=base.encoding.pooling, prompts=base.encoding.prompts)
    return entry
