"""A reference -> an `Adapter`."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import Any

from ..base.encoding import BaseOptions
from ..choices import Precision
from ..events import QUIET, Events, note_once
from ..references import EncoderSettings, Resolved, Search, check_length, resolve_reference
from .adapter import Adapter
from .held import Found
from .places import Place, as_reference, search_in


def load(
    reference: str | PathLike[str],
    *,
    base: str | PathLike[str] | None = None,
    options: BaseOptions | None = None,
    registry: Place = None,
    device: str | None = None,
    dtype: Precision = "auto",
    max_tokens: int | None = None,
    events: Events = QUIET,
) -> Adapter:
    """Find what a reference names. Its weights are read when they are first needed.

    Args:
        reference: `legal`, `legal@2`, `legal@best`, `base`, `./folder`, `hf:owner/repo`, or a `Path`.
        base: Which base it lies on, where that is to be said: an alias, a folder, or a Hub id.
        options: What is said of that base: its pooling, instructions, length or language.
        registry: A registry's folder, or a `Registry`; None: the user's own.
        device: As torch names it; None: the best one here.
        dtype: What matrix products are computed in: `fp32`, `bf16`, or `auto`, which is bf16 where the machine has it.
        max_tokens: Texts are truncated to it; None: to what the base reads.
        events: Receives what was chosen on the user's behalf.

    Raises:
        UnknownReferenceError: it names nothing; the message lists what is known.
        BaseError: its base is not here, or is another than the one that was named.
        AdapterError: the folder is not an adapter, or an ensemble's member has gone.
        ConfigError: the precision is unknown, or the base takes no texts of that length.
        HubError: it is not in the cache, and the Hub cannot be reached or does not have it.
    """
    settings = EncoderSettings(device=device, precision=dtype, max_tokens=max_tokens)
    return open_version(as_reference(reference), search_in(registry, base, options), settings, events=events)


def open_version(
    reference: str, where: Search, settings: EncoderSettings, report: Mapping[str, Any] | None = None, events: Events = QUIET
) -> Adapter:
    """Return what a reference names in a registry, with what the job that made it reported; raises as `load`."""
    resolved = resolve_reference(reference, where)
    check_length(resolved, settings.max_tokens)
    note_once(events, resolved.notes)
    return as_adapter(resolved, where, settings, report)


def as_adapter(resolved: Resolved, where: Search, settings: EncoderSettings, report: Mapping[str, Any] | None = None) -> Adapter:
    """Return a reference that was found as an adapter in a program's hands."""
    entry = resolved.entry
    return Adapter(
        reference=resolved.reference,
        kind=resolved.kind,
        side=resolved.side,
        base=" + ".join(base.name for base in resolved.bases),
        domain=entry.domain if entry else None,
        path=resolved.folder,
        entry=entry,
        scores=entry.scores if entry else {},
        report=report or {},
        where=where,
        settings=settings,
        held=Found(resolved),
    )
