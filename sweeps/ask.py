"""A sweep as a user asks for it: settings that stay, and a space or the default one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..adapters.job.request import TrainRequest
from ..adapters.settings.groups import flatten_settings
from ..errors import RequestError
from ..references import Search
from .default_space import default_dimensions
from .dimension import Dimension
from .request import SweepRequest
from .rule import Rule
from .space import make_space
from .space_file import read_space, space_of

OF_START = ("strategy", "rank", "alpha", "targets", "layers", "init", "dora")
"""Settings that a start decides."""


def ask_sweep(
    settings: Mapping[str, object],
    space: Path | Mapping[str, object] | None,
    where: Search | None = None,
    *,
    trials: int = 20,
    processes: int = 1,
    until: Rule | None = None,
    resume: bool = False,
    **train: Any,
) -> SweepRequest:
    """Make the request of a sweep.

    Args:
        settings: What stays, by name.
        space: What is tried, as a file or as what such a file holds; None: the default space, but for `settings`.
        where: The registry, and which base.
        trials: How many settings are tried.
        processes: How many at a time.
        until: A score that ends it.
        resume: Whether an interrupted sweep goes on.
        train: The rest of a `TrainRequest`.

    Raises:
        ConfigError: a setting or a range does not fit, or no combination does.
        RequestError: a setting stays and is tried as well, or values exclude one another.
    """
    given = flatten_settings(settings)
    dimensions = default_dimensions(given) if space is None else _named(space)
    both = sorted(each.name for each in dimensions if each.name in given)
    if both:
        raise RequestError(f"{both[0]} is set and in the space as well; leave out one of the two")
    started = sorted(each.name for each in dimensions if each.name in OF_START) if "init_from" in given else []
    if started:
        raise RequestError(f"{started[0]} is that of what is started from; leave it out of the space, or leave out --init-from")
    made = make_space(dimensions, given)
    request = TrainRequest(config=made.default()[0], stated=frozenset(given), where=where, **train)
    return SweepRequest(
        train=request, space=made, is_own_space=space is not None, trials=trials, processes=processes, until=until, resume=resume
    )


def _named(space: Path | Mapping[str, object]) -> Sequence[Dimension]:
    return space_of(space) if isinstance(space, Mapping) else read_space(space)
