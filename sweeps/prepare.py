"""A request -> a sweep that can begin: everything that a training needs is found, and what cannot be swept is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import ConfigError, DataError
from ..events import QUIET, Events
from .request import SweepRequest
from .space import Picks, Space

if TYPE_CHECKING:
    from ..adapters.config import TrainConfig
    from ..adapters.job import TrainJob
    from .job import SweepJob


def prepare_sweep(request: SweepRequest, events: Events = QUIET) -> SweepJob:
    """Find everything that a sweep needs, and refuse what cannot be swept; nothing is computed, and nothing written.

    Raises:
        AdaptError: as `prepare_training`; the data have no dev split; or they do not state what the losses of the space need.
    """
    from ..adapters.job import prepare_training
    from ..adapters.job.guide import find_guide
    from ..adapters.processes.environment import refuse_launched
    from ..references import Search
    from ..registry import open_registry

    refuse_launched("adapt sweep")
    for guide in _guides(request.space):
        find_guide(replace(request.train, config=guide), request.train.where or Search(registry=open_registry()))
    training = prepare_training(request.train, events)
    metric = _dev_metric(training)
    if request.until is not None:
        request.until.check_metric(metric)
    space = _fitting(request, training)
    from .job import SweepJob

    config, start = space.default()[0], training.runs.start
    if start is not None:
        config = start.fit(config, ())
    training = replace(
        training,
        request=replace(training.request, config=config),
        runs=replace(training.runs, request=replace(training.runs.request, config=config)),
    )
    return SweepJob(request=replace(request, space=space, train=training.request), training=training, metric=metric)


def _guides(space: Space) -> Iterator[TrainConfig]:
    """Give a configuration with each guide of the space."""
    seen = set()
    for design in space.designs:
        config = space.config(design)
        if config.guide is not None and config.guide not in seen:
            seen.add(config.guide)
            yield config


def _dev_metric(training: TrainJob) -> str:
    """Return what trials are compared by.

    Raises:
        ConfigError: there is nothing that they could be compared on.
    """
    from ..adapters.watch import watch_own

    watch = training.runs.watch or watch_own(training.runs.data, training.request.config)
    if watch is None:
        raise ConfigError(
            "a sweep compares its trials on dev, and these data have no dev split; name a dev set with --dev, or give 100 pairs or more, of "
            "which some are held out"
        )
    return str(watch.main.dev.metric)


def _fitting(request: SweepRequest, training: TrainJob) -> Space:
    """Return the space with what the data state enough for.

    Raises:
        DataError: the user named a loss that they do not fit, or they fit none.
    """
    from ..adapters.losses.fit import check_data_fit

    space, fits, refusal = request.space, list[Picks](), None
    width = training.runs.base.spec.dimension
    for design in space.designs:
        config = space.config(design)
        config.check_width(width)
        try:
            check_data_fit(config, training.runs.data.train)
        except DataError as e:
            if request.is_own_space:
                raise
            refusal = refusal or e
        else:
            fits.append(design)
    if refusal is not None and not fits:
        raise refusal
    return space if len(fits) == len(space.designs) else space.keep(fits)
