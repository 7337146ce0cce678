"""Texts and a base -> a pretrained `Adapter`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Literal

from ..adapters.pretraining import PretrainConfig, PretrainRequest, prepare_pretraining
from ..base.encoding import BaseOptions
from ..events import QUIET, Events
from ..references import EncoderSettings
from .adapter import Adapter
from .held import Trained
from .loading import open_version
from .networks import IN_USE, adopt
from .places import Place, search_in


def pretrain(
    domain: str,
    corpus: str | PathLike[str] | Sequence[str | PathLike[str]] = (),
    *,
    texts: Sequence[str] = (),
    data: object = None,
    glossary: str | PathLike[str] | None = None,
    objective: Literal["mlm", "tsdae"] | None = None,
    base: str | PathLike[str] | None = None,
    config: PretrainConfig | None = None,
    name: str | None = None,
    registry: Place = None,
    register: bool = True,
    resume: bool = False,
    device: str | None = None,
    options: BaseOptions | None = None,
    events: Events = QUIET,
) -> Adapter:
    """Train an adapter on text without pairs, as the start of `train(..., init_from=...)`, and register it as a new version.

    Args:
        domain: What it is for: a domain that ships, a domain file, or any name.
        corpus: A file or BEIR folder of texts, or several: .jsonl, .csv, .tsv, .xlsx or .parquet, or .txt with a text a line.
        texts: Texts in memory.
        data: What `train` takes as data; its passages alone are read.
        glossary: A table of terms, which are masked whole and more often.
        objective: `mlm`, masked words, or `tsdae`, texts from their vectors; None: as the configuration says.
        base: An alias, a folder, or a Hub id; None: the default one.
        config: Every setting; None: the defaults.
        name: In the registry; None: the domain's with `-pretrained`.
        registry: A registry's folder, or a `Registry`; None: the user's own.
        register: Whether the result becomes a version; else it stays in memory, and nothing is written.
        resume: Whether a run that was interrupted goes on where it was.
        device: As torch names it; None: the best one here.
        options: What is said of the base: its pooling, instructions, length or language.
        events: Receives each step, and notes on texts, base and settings.

    Raises:
        DataError: the texts or the glossary are missing, too few or malformed.
        DomainError: the domain is unknown.
        BaseError: the base is unknown, or is not here.
        ConfigError: a setting does not fit, or there are no texts.
        TrainingError: the loss is not a number, or a state cannot be written.
        RegistryError: the registry cannot be written.
    """
    config = config or PretrainConfig()
    if objective is not None:
        config = replace(config, objective=objective)
    where, settings = search_in(registry, base, options), EncoderSettings(device=device)
    files = (corpus,) if isinstance(corpus, str | PathLike) else corpus
    request = PretrainRequest(
        domain=domain,
        corpus=[Path(file) for file in files],
        data=data,
        texts=texts,
        glossary=None if glossary is None else Path(glossary),
        config=config,
        where=where,
        device=device,
        name=name,
        resume=resume,
        register=register,
    )
    job = prepare_pretraining(request, events)
    outcome = job.run(events)
    report = outcome.as_dict()
    if outcome.entry is not None:
        return open_version(outcome.entry.reference, where, settings, report)
    with IN_USE:
        trained_over = adopt(outcome.base)
    return Adapter(
        reference=job.name,
        kind="adapter",
        side="both",
        base=trained_over.spec.name,
        domain=job.domain,
        scores=outcome.scores,
        report=report,
        where=where,
        settings=settings,
        held=Trained(trained_over, outcome.factors, "both"),
    )
