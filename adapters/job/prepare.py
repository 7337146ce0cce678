"""A request -> a job that can begin. Torch is imported when the base is loaded, after what does not exist has been refused."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ...errors import RequestError
from ...events import QUIET, Events
from ..processes.environment import Place, check_processes
from .request import TrainRequest

if TYPE_CHECKING:
    from torch import device as Device

    from ..processes.world import World
    from .job import TrainJob


def prepare_training(request: TrainRequest, events: Events = QUIET) -> TrainJob:
    """Find everything that training needs, and refuse what cannot be trained; nothing is computed, and nothing written.

    Of several processes each prepares the same training and meets the others here; those beside the first report and register nothing.

    Raises:
        AdaptError: the domain, the data, the base, the name or the device does not fit, is not there, or is damaged.
        RequestError: several processes are asked for, and another number was started.
    """
    from ...base.resolve import resolve_base
    from ...data.domains import name_domain
    from ...data.sources import TrainingSource, check_source
    from ...references import Search
    from ...registry import open_registry
    from ..general_texts import read_general_texts
    from ..losses.fit import check_data_fit
    from .given_index import check_index
    from .guide import find_guide, open_guide
    from .start import base_of, check_base, find_start
    from .watching import check_dev_kinds, read_watch

    place = _find_place(request)
    if place is not None and not place.is_first:
        request, events = replace(request, register=False, resume=False, gram_rank=None, tensorboard=None), QUIET
    domain, note = name_domain(request.domain, has_data=request.has_own_data)
    where, name = request.where or Search(registry=open_registry()), request.name or domain.name
    if request.register:
        where.registry.check_new_name(name)
    check_source(request.data, request.read)
    read_general_texts(request.config)  # refused here, where it cannot be read
    if note:
        events.note(f"domain: {note}")
    start = find_start(request.config, where)
    if start is not None:
        request = replace(request, config=start.fit(request.config, request.stated), stated=None)
        where = replace(where, base=where.base or str(base_of(start)))
    found = resolve_base(where.base, options=where.options)
    if start is not None:
        check_base(start, found.spec)
    request.config.check_width(found.dimension)
    request.config.check_headless(found.spec.name, found.encoding.head.width if found.encoding.head else None)
    guide = find_guide(request, where)
    if request.index is not None:
        check_index(request.index, found)
    language = where.options.language or found.spec.text_language
    check_dev_kinds(request.config, request.dev, language)
    events.stage("reading the data")
    limits = (request.train_queries, request.skip_dangling, request.data_licence, request.read)
    source = TrainingSource(request.data, domain, language, *limits, own_dev=not request.dev)
    data = source.load(request.config.seed)
    check_data_fit(request.config, data.train)
    watch = read_watch(data, request.config, request.dev, request.general, language, request.skip_dangling)
    events.stage("loading the base")
    from ...base.load import load_base
    from ...encoders.forward import choose_device
    from .corpus import CorpusSource
    from .job import TrainJob
    from .runs import JobRuns

    world, device = _join(place, request, events)
    base = load_base(found, device=device or choose_device(request.device))
    corpus = CorpusSource(base, request.index)
    if request.index is not None:
        corpus.given(data, request.config, events)
    runs = JobRuns(
        request=request,
        registry=where.registry,
        name=name,
        domain=domain.name,
        source=source,
        base=base,
        data=data,
        corpus=corpus,
        guide=None if guide is None else open_guide(guide, request),
        watch=watch,
        start=start,
        world=world,
    )
    return TrainJob(request=request, runs=runs)


def _find_place(request: TrainRequest) -> Place | None:
    """Return where this process stands among those that were asked for; None where one alone trains, whatever others are beside it."""
    if request.processes == 1:
        return None
    place = check_processes(request.processes)
    if place is None:
        raise RequestError(
            f"{request.processes} processes are to train together, and this one was started alone; start the program with "
            f"torchrun --nproc-per-node {request.processes}, or use adapt train --processes {request.processes}"
        )
    return place


def _join(place: Place | None, request: TrainRequest, events: Events) -> tuple[World, Device | None]:
    """Meet the other processes; also return the device that this one computes on, which is its own among several."""
    if place is None:
        from ..processes.world import ALONE

        return ALONE, None
    from ..processes.group import join

    events.stage("waiting for the other processes")
    group = join(place, request.device)
    events.note(group.describe())
    return group, group.device
