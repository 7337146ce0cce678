"""The search for weights: chosen on dev by the gain that every domain keeps, with the general score held."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from ...errors import ConfigError
from ...registry.search_file import GeneralKind, Measurement, Point
from .candidates import Candidates
from .compass import Rank, compass_search
from .goal import Goal
from .probe import Probe


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSettings:
    """How to search.

    Attributes:
        evaluations: How many merges are measured at most; the base and the parents, which are measured first, do not count.
        tolerance: How far the general score may fall: below the base's where it is a Spearman correlation; below that of the parent
            farthest from the base where it is closeness, since it is not known how much of it is harmful.
        temperature: T of the start, softmax(-loss / T), above 0.
        seed: Draws the order in which directions are tried.
    """

    evaluations: int = 24
    tolerance: float = 0.003
    temperature: float = 5.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.evaluations < 1:
            raise ConfigError(f"the search has {self.evaluations} evaluations; at least 1 is needed")
        if not self.tolerance >= 0:
            raise ConfigError(f"tolerance is {self.tolerance}; expected 0 or more")
        if not self.temperature > 0:
            raise ConfigError(f"temperature is {self.temperature}; expected a number above 0")

    def measurements(self, parents: int) -> int:
        """Return how many sets of factors are measured at most: the base, the parents, the merges."""
        return 1 + parents + self.evaluations


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One point: its scores, the mean gain kept, and whether its general score is within the tolerance."""

    point: Point
    measurement: Measurement
    score: float
    is_allowed: bool

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON can hold it."""
        return {**asdict(self.point), "score": self.score, "is_allowed": self.is_allowed, **self.measurement.as_dict()}


Progress = Callable[[int, int, Evaluation | None], None]
"""Called with how many measurements are done, of at most how many, and the best merge so far."""


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A domain in which the merge scores less on dev than one of its inputs (of several, the best one) does alone."""

    domain: str
    input: str
    alone: float
    merged: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """What a search found.

    Attributes:
        names: The parents.
        method: The name of the merge method.
        domains: The names of the domains.
        general_kind: What the general score is.
        goal: The base's and parents' measurements, and the least general score allowed.
        start: LM-Cocktail's weights.
        best: What was chosen. Where no merge is within the tolerance, it is the nearest to it, and `best.is_allowed` is false.
        evaluations: Every merge that was measured, in order.
        settings: How was searched.
    """

    names: tuple[str, ...]
    method: str
    domains: tuple[str, ...]
    general_kind: GeneralKind
    goal: Goal
    start: Point
    best: Evaluation
    evaluations: tuple[Evaluation, ...]
    settings: SearchSettings

    @property
    def better_alone(self) -> tuple[str, ...]:
        """The inputs, or the base, that do better alone than the merge by the search's own goal, the best one first."""
        goal, merged = self.goal, self.best.measurement
        alone = list(dict(zip((*self.names, "base"), (*goal.parents, goal.base), strict=True)).items())
        better = [(name, measurement) for name, measurement in alone if goal.is_better(measurement, merged)]
        return tuple(name for name, _ in sorted(better, key=lambda each: goal.rank(each[1]), reverse=True))

    @property
    def shortfalls(self) -> tuple[Shortfall, ...]:
        """The domains in which an input alone scores more than the merge."""
        found = []
        for domain in self.domains:
            alone, row = max((parent.ndcg[domain], -row) for row, parent in enumerate(self.goal.parents))
            if alone > (merged := self.best.measurement.ndcg[domain]):
                found.append(Shortfall(domain, self.names[-row], alone, merged))
        return tuple(found)

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON can hold it; what stands for the parents is in their order."""
        goal, best = self.goal, self.best
        return {
            "names": list(self.names),
            "method": self.method,
            "weights": list(best.point.weights),
            "density": best.point.density,
            "score": best.score,
            "is_allowed": best.is_allowed,
            "better_alone": list(self.better_alone),
            "shortfalls": [asdict(shortfall) for shortfall in self.shortfalls],
            "domains": {
                domain: {
                    "base": goal.base.ndcg[domain],
                    "parents": [parent.ndcg[domain] for parent in goal.parents],
                    "merged": best.measurement.ndcg[domain],
                    "gain_kept": goal.gain_kept(domain, best.measurement),
                }
                for domain in self.domains
            },
            "general": {
                "kind": self.general_kind,
                "base": goal.base.general,
                "parents": [parent.general for parent in goal.parents],
                "merged": best.measurement.general,
                "floor": goal.floor,
            },
            "start": asdict(self.start),
            "evaluations": [evaluation.as_dict() for evaluation in self.evaluations],
            "settings": asdict(self.settings),
        }


def search_weights(
    candidates: Candidates, probe: Probe, settings: SearchSettings | None = None, on_progress: Progress | None = None
) -> SearchResult:
    """Choose the weights, and the density where the method reads one, on dev.

    It starts from the best of: LM-Cocktail's weights, 1/n each, 1 each, and the configuration's own where it has any. From there it takes
    the steps of `compass_search`. A point within the tolerance is better than one that is not; among the former the score decides, then
    what is gained beyond the best parents, then the general score; among the latter the general score. Weights below 0 are not tried.

    Args:
        candidates: What is merged, and how.
        probe: What it is measured on.
        settings: How to search.
        on_progress: Called after each measurement.

    Raises:
        ConfigError: as `merge_factors`, before anything is encoded.

    Source: https://arxiv.org/abs/2311.13534 (the start), https://doi.org/10.1016/S0045-7825(99)00389-8 (the order of points under a
    constraint: no penalty has to be weighed).
    """
    settings = settings or SearchSettings()
    candidates.check()
    report, total = on_progress or (lambda *_: None), settings.measurements(len(candidates.parents))
    references: list[Measurement] = []
    for done, factors in enumerate(({}, *candidates.parents), start=1):
        references.append(probe.measure(factors))
        report(done, total, None)
    goal = Goal.of(references[0], references[1:], probe.general_kind, settings.tolerance)
    start = candidates.point(softmax_weights(goal.parents, settings.temperature))
    evaluations: dict[Point, Evaluation] = {}

    def evaluate(point: Point) -> Rank:
        measurement = probe.measure(candidates.merge(point))
        evaluations[point] = Evaluation(point, measurement, goal.score(measurement), goal.allows(measurement))
        best = max(evaluations.values(), key=lambda evaluation: goal.rank(evaluation.measurement))
        report(len(references) + len(evaluations), total, best)
        return goal.rank(measurement)

    best = compass_search(_starts(candidates, start), candidates.neighbours, evaluate, budget=settings.evaluations, seed=settings.seed)
    return SearchResult(
        names=candidates.names,
        method=candidates.base_config.method,
        domains=probe.domains,
        general_kind=probe.general_kind,
        goal=goal,
        start=start,
        best=evaluations[best],
        evaluations=tuple(evaluations.values()),
        settings=settings,
    )


def softmax_weights(parents: Sequence[Measurement], temperature: float) -> tuple[float, ...]:
    """Return softmax(-loss / T) over the parents, the loss being each one's mean over the domains.

    Source: https://arxiv.org/abs/2311.13534, equation 3; T is 5 in their code. Theirs has one target domain.
    """
    losses = np.array([np.mean(list(parent.loss.values())) for parent in parents])
    powers = np.exp(-(losses - losses.min()) / temperature)  # the smallest loss at 0, so that none overflows
    return tuple(float(power) for power in powers / powers.sum())


def _starts(candidates: Candidates, start: Point) -> list[Point]:
    count, given = len(candidates.parents), candidates.base_config.weights
    points = [start, candidates.point((1 / count,) * count), candidates.point((1.0,) * count)]
    return points if given is None else [candidates.point(given), *points]
