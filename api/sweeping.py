"""Settings tried on dev -> the best as an `Adapter`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from ..base.encoding import BaseOptions
from ..data.read_options import ReadOptions
from ..events import QUIET, Events
from ..references import EncoderSettings
from .adapter import Adapter
from .loading import open_version
from .places import Place, search_in

if TYPE_CHECKING:
    from typing import Unpack


class SweepOptions(TypedDict, total=False):
    """What else a sweep takes, as `TrainRequest` names it."""

    train_queries: int | None
    skip_dangling: bool
    data_licence: str | None
    index: Path | None
    dev: Sequence[Path]
    general: Path | None
    tensorboard: Path | None
    read: ReadOptions


def sweep(
    domain: str,
    data: object = None,
    *,
    trials: int = 20,
    settings: Mapping[str, object] | None = None,
    space: Mapping[str, object] | str | PathLike[str] | None = None,
    until: str | None = None,
    processes: int = 1,
    resume: bool = False,
    html: str | PathLike[str] | None = None,
    base: str | PathLike[str] | None = None,
    name: str | None = None,
    registry: Place = None,
    device: str | None = None,
    options: BaseOptions | None = None,
    events: Events = QUIET,
    **more: Unpack[SweepOptions],
) -> Adapter:
    """Try settings of a training on dev, and register what came of the best trial as a new version.

    Args:
        domain: As `train` takes it.
        data: As `train` takes it; with a dev split, or with dev sets in `dev`.
        trials: How many settings are tried.
        settings: What stays the same, by name: `{"epochs": 2, "side": "both"}`.
        space: What is tried, as a file or as what such a file holds: `{"rank": [8, 16], "learning_rate": {"low": 1e-5, "high": 1e-3, "log": True}}`.
            None: side, strategy, loss, learning rate, temperature and rank, but for those in `settings`.
        until: A score that ends it, such as `nDCG@10>=0.7`.
        processes: How many trials are run at a time, each in a process of its own.
        resume: Go on with the same sweep where it was interrupted, or with more trials.
        html: A page of the trials; None: none is written.
        base: An alias, a folder, or a Hub id; None: the default one.
        name: In the registry; None: the domain's.
        registry: A registry's folder, or a `Registry`; None: the user's own.
        device: As torch names it; None: the best one here.
        options: What is said of the base: its pooling, instructions, length or language.
        events: Receives each step, and a note for each trial.
        more: `train_queries`, `skip_dangling`, `index`, `data_licence`, `dev`, `general`, `tensorboard`, `read`, as `TrainRequest` describes them.

    Raises:
        MissingExtraError: Optuna is not installed.
        ConfigError: a setting or a range does not fit, or the data have no dev split.
        RegistryError: an interrupted sweep of this request is there and is not to go on, or the registry cannot be written.
        AdaptError: as `train`.
    """
    from ..files import check_outputs
    from ..sweeps import prepare_sweep
    from ..sweeps.ask import ask_sweep
    from ..sweeps.rule import read_rule

    page = None if html is None else Path(html)
    check_outputs({"html": page})
    where = search_in(registry, base, options)
    request = ask_sweep(
        settings or {},
        space if space is None or isinstance(space, Mapping) else Path(space),
        where,
        trials=trials,
        processes=processes,
        until=None if until is None else read_rule(until),
        resume=resume,
        domain=domain,
        data=data,
        name=name,
        device=device,
        **more,
    )
    outcome = prepare_sweep(request, events).run(events)
    if page is not None:
        from ..sweeps.page import write_page

        write_page(outcome, page, f"adapt_embed.sweep({domain!r}, ...)")
    return open_version(outcome.entry.reference, where, EncoderSettings(device=device), outcome.as_dict())
