"""Pairs and a base -> a trained `Adapter`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from ..adapters.config import TrainConfig
from ..adapters.job import TrainRequest, prepare_training
from ..base.encoding import BaseOptions
from ..choices import GramRank, TrainedSide
from ..data.read_options import ReadOptions
from ..events import QUIET, Events
from ..references import EncoderSettings, Search
from .adapter import Adapter
from .held import Held, Trained, TrainedModel
from .loading import open_version
from .networks import IN_USE, adopt
from .places import Place, search_in

if TYPE_CHECKING:
    from typing import Unpack

    from ..adapters.job import TrainedVersion
    from ..base.load import Base


class TrainOptions(TypedDict, total=False):
    """What else a training takes, as `TrainRequest` names it."""

    gram_rank: GramRank | None
    train_queries: int | None
    skip_dangling: bool
    resume: bool
    data_licence: str | None
    index: Path | None
    dev: Sequence[Path]
    general: Path | None
    read: ReadOptions
    processes: int


def train(
    domain: str,
    data: object = None,
    *,
    base: str | PathLike[str] | None = None,
    config: TrainConfig | None = None,
    side: TrainedSide | None = None,
    init_from: str | PathLike[str] | None = None,
    name: str | None = None,
    registry: Place = None,
    register: bool = True,
    device: str | None = None,
    options: BaseOptions | None = None,
    events: Events = QUIET,
    **more: Unpack[TrainOptions],
) -> Adapter:
    """Train an adapter on a frozen base, and register it as a new version.

    Args:
        domain: What it is for: a domain that ships (`legal`, `medical`, `ecommerce`), a domain file, or with data any name.
        data: Pairs (query, positive), triples (query, positive, negative), mappings with these keys, a `datasets.Dataset`, a frame, the path
            of a file or folder, or `TrainingData`; `sample`, `hub`, `hf:OWNER/NAME@REVISION` or `mteb:TASK`; several of these words in a
            list, each with a weight where `SOURCE=WEIGHT` says so. None: the domain's Hub sets, else its sample.
        base: An alias, a folder, or a Hub id; None: the default one.
        config: Every setting of training; None: the defaults.
        side: `query`: queries alone go through the adapter, and documents keep the base's vectors; `both`; None: as the configuration says.
        init_from: The adapter whose factors training starts from: a reference or a folder; None: as the configuration says.
        name: In the registry; None: the domain's.
        registry: A registry's folder, or a `Registry`; None: the user's own.
        register: Whether the result becomes a version; else it stays in memory, and nothing is written.
        device: As torch names it; None: the best one here.
        options: What is said of the base: its pooling, instructions, length or language.
        events: Receives each step, and notes on data, base and settings.
        more: `gram_rank`, `train_queries`, `skip_dangling`, `resume`, `index`, `data_licence`, `dev`, `general`, `read` (`ReadOptions`: columns,
            encoding, sheet, bad rows), `processes` (under torchrun), as `TrainRequest` describes them.

    Raises:
        DataError: the data are missing, empty or malformed; the row is named.
        DomainError: the domain is unknown.
        BaseError: the base is unknown, or is not here.
        ConfigError: a setting does not fit.
        TrainingError: the loss is not a number, or a state cannot be written.
        RegistryError: the registry cannot be written.
    """
    config = config or TrainConfig()
    if side is not None:
        config = replace(config, side=side)
    if init_from is not None:
        config = replace(config, init_from=fspath(init_from))
    where, settings = search_in(registry, base, options), EncoderSettings(device=device)
    request = TrainRequest(domain=domain, data=data, config=config, where=where, device=device, name=name, register=register, **more)
    job = prepare_training(request, events)
    outcome = job.run(events)
    version, report = outcome.versions[0], outcome.as_dict()
    if version.entry is not None:
        return open_version(version.entry.reference, where, settings, report)
    return _in_memory(version, job.runs.name, job.runs.domain, where, settings, report)


def _held(version: TrainedVersion, base: Base, name: str) -> Held:
    """Return what opens a version that no file holds."""
    from ..adapters.strategies.trained import ModelWeights

    if version.result is not None and isinstance(version.result.trained, ModelWeights):
        return TrainedModel(base, version.result.trained.parameters, name)
    return Trained(base, version.factors, version.config.side)


def _in_memory(
    version: TrainedVersion, name: str, domain: str, where: Search, settings: EncoderSettings, report: dict[str, object]
) -> Adapter:
    from ..base.load import with_head

    with IN_USE:
        base = with_head(adopt(version.base), version.result.head if version.result else None)
    return Adapter(
        reference=name,
        kind="model" if version.is_model else "adapter",
        side=version.config.side,
        base=base.spec.name,
        domain=domain,
        scores={"dev": version.dev} if version.dev else {},
        report=report,
        where=where,
        settings=settings,
        held=_held(version, base, name),
    )
