"""Several adapters -> an ensemble, in which each keeps its own weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..ensemble.job import prepare_ensemble
from ..ensemble.modes import DEFAULT_MODE
from ..ensemble.request import EnsembleRequest
from ..events import QUIET, Events
from ..references import EncoderSettings
from .adapter import Adapter
from .held import PutTogether
from .loading import open_version
from .places import BaseNamed, Named, Place, as_references, given_in

if TYPE_CHECKING:
    from typing import Unpack


class EnsembleOptions(BaseNamed, total=False):
    """What else an ensemble takes, as `EnsembleRequest` names it."""

    dim: int | None
    texts: Sequence[str] | Callable[[], Sequence[str]] | None


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
    given, where = given_in(adapters, registry, more)
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
        side=report.recipe.side,
        base=" + ".join(base.label for base in report.recipe.bases),
        domain=job.domain,
        report=report.as_dict(),
        where=where,
        held=PutTogether(report, reference),
    )
