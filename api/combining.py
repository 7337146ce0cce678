"""Several adapters -> one: merged in weight space, or put together as an ensemble."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from typing import TYPE_CHECKING, Literal, TypedDict

from ..base.encoding import BaseOptions
from ..choices import StoreDtype
from ..ensemble.job import prepare_ensemble
from ..ensemble.modes import DEFAULT_MODE
from ..ensemble.request import EnsembleRequest
from ..events import QUIET, Events
from ..merge import MergeRequest, WeightSearch, prepare_merge
from ..references import EncoderSettings
from .adapter import Adapter
from .held import Merged, PutTogether
from .loading import open_version
from .places import Named, Place, as_references, as_several, search_in

if TYPE_CHECKING:
    from typing import Unpack


class _OnBase(TypedDict, total=False):
    base: str | PathLike[str] | None
    options: BaseOptions | None


class MergeOptions(_OnBase, total=False):
    """What else a merge takes, as `MergeRequest` names it; `base` and `options` as `load` takes them."""

    rank: int | Literal["auto", "full"]
    energy: float | None
    with_base: float | None
    settings: Mapping[str, float]
    store: StoreDtype | None
    domain: str | None
    search: WeightSearch


class EnsembleOptions(_OnBase, total=False):
    """What else an ensemble takes, as `EnsembleRequest` names it; `base` and `options` as `load` takes them."""

    dim: int | None
    texts: Sequence[str] | Callable[[], Sequence[str]] | None


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
    given = as_several(adapters)
    where = search_in(registry, more.pop("base", None), more.pop("options", None), given)
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
        base=job.parents[0].base.label,
        domain=job.domain,
        report=report.as_dict(),
        where=where,
        held=Merged(replace(job, search=None), report),
    )


def ensemble_adapters(
    adapters: Sequence[Named],
    *,
    mode: str = DEFAULT_MODE,
    weights: Sequence[float] | None = None,
    name: str | None = None,
    registry: Place = None,
    register: bool = True,
    events: Events = QUIET,
    **more: Unpack[EnsembleOptions],
) -> Adapter:
    """Use adapters together, each with its own weights and on any base where the mode allows it, and register the recipe.

    Args:
        adapters: Two or more, as for `merge_adapters`.
        mode: `concat`, `mean`, `rrf` or `max`; the last two rank and have no vectors.
        weights: One each, on any scale; None: equal ones.
        name: In the registry; None: their names and the mode, joined.
        registry: As for `merge_adapters`.
        register: Whether the result becomes a version; else it stays in memory, and nothing is written.
        events: Receives what was chosen, and the progress of the fit of PCA.
        more: `dim` and `texts`: PCA to so many dimensions, fitted on texts.

    Raises:
        ConfigError: the mode is unknown, or the adapters do not fit it or one another.
        AdapterError: one is an ensemble itself, or is damaged.
        UnknownReferenceError: a reference names nothing.
        RegistryError: the registry cannot be written.
    """
    given = as_several(adapters)
    where = search_in(registry, more.pop("base", None), more.pop("options", None), given)
    request = EnsembleRequest(
        references=as_references(given, where, "an ensemble"),
        where=where,
        mode=mode,
        weights=None if weights is None else tuple(weights),
        name=name,
        register=register,
        **more,  # type: ignore[misc]  # base and options are taken out
    )
    job = prepare_ensemble(request, events)
    report = job.run(events)
    if report.entry is not None:
        return open_version(report.entry.reference, where, EncoderSettings(), report.as_dict())
    reference = name or f"{mode}({', '.join(member.reference for member in report.members)})"
    return Adapter(
        reference=reference,
        kind="ensemble",
        base=" + ".join(base.label for base in report.recipe.bases),
        domain=job.domain,
        report=report.as_dict(),
        where=where,
        held=PutTogether(report, reference),
    )
