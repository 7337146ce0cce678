"""A request -> a job that can begin. Torch is imported when the base is loaded, after what does not exist has been refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...events import QUIET, Events
from .request import PretrainRequest

if TYPE_CHECKING:
    from .job import PretrainJob


def prepare_pretraining(request: PretrainRequest, events: Events = QUIET) -> PretrainJob:
    """Find everything that pretraining needs, and refuse what cannot be trained; nothing is computed, and nothing written.

    Raises:
        AdaptError: the domain, the texts, the glossary, the base, the name or the device does not fit, is not there, or is damaged.
    """
    from ...base.resolve import resolve_base
    from ...data.domains import name_domain
    from ...references import Search
    from ...registry import open_registry
    from ..processes.environment import refuse_launched
    from .sources import check_sources, read_corpus

    refuse_launched("adapt pretrain")
    domain, note = name_domain(request.domain, has_data=request.has_own_data)
    where = request.where or Search(registry=open_registry())
    name = request.name or f"{domain.name}-pretrained"
    if request.register:
        where.registry.check_new_name(name)
    check_sources(request)
    if note:
        events.note(f"domain: {note}")
    found = resolve_base(where.base, options=where.options)
    events.stage("reading the texts")
    corpus = read_corpus(request, domain, where.options.language or found.spec.text_language)
    events.stage("loading the base")
    from ...base.load import load_base
    from ...encoders.forward import choose_device
    from .job import PretrainJob
    from .run import check_mask, make_texts

    base = load_base(found, device=choose_device(request.device))
    check_mask(base, request.config)
    events.stage("cutting the texts")
    texts = make_texts(base, corpus.texts, request.config, corpus.terms)
    return PretrainJob(request=request, registry=where.registry, name=name, domain=domain.name, base=base, corpus=corpus, texts=texts)
