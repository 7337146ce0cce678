"""What a bench found. The names of fields and metrics are those of the printed table and of the JSON, both ways."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchedTask:
    """One task. `revision` is its content's hash; `items` counts what is averaged over, `item` says what that is."""

    name: str
    type: str
    split: str
    revision: str
    items: int
    item: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchedReference:
    """One reference. `base` names the reference it is held against: None for a base itself.

    `revision` is the hash of all that its vectors depend on.
    """

    name: str
    base: str | None
    description: str
    revision: str
    precision: str
    max_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One reference on one task.

    `metrics` are mteb's means, 0 to 1 (a correlation: -1 to 1). `items` holds `item_metric` of each query or pair.
    """

    task: str
    reference: str
    metrics: dict[str, float]
    truncated: int
    seconds: float
    item_metric: str
    items: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchResult:
    """Every reference on every task."""

    tasks: tuple[BenchedTask, ...]
    references: tuple[BenchedReference, ...]
    scores: tuple[Score, ...]
    mteb_version: str

    def score(self, task: str, reference: str) -> Score:
        """Return one cell."""
        return next(score for score in self.scores if (score.task, score.reference) == (task, reference))

    def difference(self, task: str, reference: str) -> dict[str, float] | None:
        """Return each metric less the base's; None for a base."""
        base = next(benched.base for benched in self.references if benched.name == reference)
        if base is None:
            return None
        own, theirs = self.score(task, reference).metrics, self.score(task, base).metrics
        return {metric: value - theirs[metric] for metric, value in own.items()}

    def as_dict(self, *, items: bool = False) -> dict:
        """Return the result as JSON can hold it, with the values of single queries and pairs where `items` is set."""
        return {
            "tasks": [asdict(task) for task in self.tasks],
            "references": [asdict(reference) for reference in self.references],
            "scores": [self._cell(score, items) for score in self.scores],
            "mteb_version": self.mteb_version,
        }

    def _cell(self, score: Score, items: bool) -> dict:
        cell = asdict(score) | {"difference": self.difference(score.task, score.reference)}
        if not items:
            del cell["items"]
        return cell


def parse_result(values: dict) -> BenchResult:
    """Read what `as_dict` wrote; differences are computed anew."""
    return BenchResult(
        tasks=tuple(BenchedTask(**task) for task in values["tasks"]),
        references=tuple(BenchedReference(**reference) for reference in values["references"]),
        scores=tuple(Score(**{key: value for key, value in score.items() if key != "difference"}) for score in values["scores"]),
        mteb_version=values["mteb_version"],
    )
