"""Several adapters -> one, in weight space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from ..choices import StoreDtype
from ..events import QUIET, Events
from ..merge import MergeRequest, WeightSearch, prepare_merge
from ..references import EncoderSettings
from .adapter import Adapter
from .held import Merged
from .loading import open_version
from .places import BaseNamed, Named, Place, as_references, given_in

if TYPE_CHECKING:
    from typing import Unpack


class MergeOptions(BaseNamed, total=False):
    """What else a merge takes, as `MergeRequest` names it."""

    rank: int | Literal["auto", "full"]
    energy: float | None
    with_base: float | None
    settings: Mapping[str, float]
    store: StoreDtype | None
    domain: str | None
    search: WeightSearch


def merge_adapters(
    adapters: Sequence[Named],
    *,
    method: str | None = None,
    weights: Sequence[float] | None = None,
    name: str | None = None,
    registry: Place = None,
    register: bool = True,
    events: Events = QUIET,
    **more: Unpack[MergeOptions],
) -> Adapter:
    """Merge adapters on one base into one, in weight space, and register it as a new version.

    Args:
        adapters: Adapters, references or folders; `base` is one too. What is in memory alone cannot be merged.
        method: A name of `adapt merge --methods`; None: `regmean` where all carry Gram matrices, else `linear`.
        weights: One each; None: 1/n each.
        name: In the registry; None: their names, joined.
        registry: A registry's folder, or a `Registry`; None: that of the adapters given, else the user's own.
        register: Whether the result becomes a version; else it stays in memory, as it is before storing, and nothing is written.
        events: Receives the progress, and where the merge falls short.
        more: `rank`, `energy`, `with_base`, `settings`, `store`, `domain`, `search`, as `MergeRequest` describes them.

    Raises:
        BaseError: two of them lie on different bases.
        AdapterError: one has no weights of its own, is damaged, or lacks what the method needs.
        ConfigError: the method or a setting is unknown or does not fit, or one is in memory alone or named twice.
        UnknownReferenceError: a reference names nothing.
        RegistryError: the registry cannot be written.
    """
    given, where = given_in(adapters, registry, more)
    request = MergeRequest(
        references=as_references(given, where, "a merge"),
        where=where,
        method=method,
        weights=None if weights is None else tuple(weights),
        name=name,
        register=register,
        **more,  # type: ignore[misc]  # base and options are taken out
    )
    job = prepare_merge(request, events)
    report = job.run(events)
    if report.entry is not None:
        return open_version(report.entry.reference, where, EncoderSettings(), report.as_dict())
    return Adapter(
        reference=name or f"{report.config.method}({', '.join(report.parents)})",
        kind="merge",
        side=job.side,
        base=job.parents[0].base.label,
        domain=job.domain,
        report=report.as_dict(),
        where=where,
        held=Merged(replace(job, search=None), report),
    )
