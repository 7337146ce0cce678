"""What a sweep is asked to be, and what the words alone show to be wrong with it. Nothing here loads torch or Optuna."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec

from ..adapters.job.request import TrainRequest
from ..adapters.optimisers import check_installed
from ..errors import MissingExtraError, RequestError
from ..metric_names import metric_of
from .rule import Rule
from .space import Space


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRequest:
    """What is tried, on what, and how often.

    Attributes:
        train: A training with the settings that stay; its configuration is that of the first trial.
        space: What is tried.
        is_own_space: Whether the user named it: a loss that the data do not fit is then refused, and else left out.
        trials: How many settings are tried, those of an interrupted sweep that goes on included.
        processes: How many processes try them at a time.
        until: A score that ends the sweep; None: all trials are run.
        resume: Whether a sweep that was interrupted, or finished with fewer trials, goes on.

    Raises:
        RequestError: values exclude one another, or do nothing.
        MissingExtraError: Optuna, or what an optimiser needs, is not installed.
    """

    train: TrainRequest
    space: Space
    is_own_space: bool = False
    trials: int = 20
    processes: int = 1
    until: Rule | None = None
    resume: bool = False

    def __post_init__(self) -> None:
        for name, value in (("trials", self.trials), ("processes", self.processes)):
            if value < 1:
                raise RequestError(f"{name} is {value}; expected at least 1")
        if not self.space.dimensions:
            raise RequestError("nothing varies: every setting of the space is fixed; leave one of them out, or train with adapt train")
        if self.train.seeds != 1 or not self.train.register:
            raise RequestError("a sweep trains each trial with one seed, and registers the best; leave out seeds and register")
        if find_spec("optuna") is None:
            raise MissingExtraError("adapt sweep", "sweep")
        for optimiser in self._optimisers():
            check_installed(optimiser)
        if self.until is not None and not self.train.dev:
            self.until.check_metric(metric_of("retrieval", self.train.config.metric))

    def _optimisers(self) -> Iterator[str]:
        for each in self.space.dimensions:
            if each.name == "optimiser":
                yield from map(str, each.choices)
