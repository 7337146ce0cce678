"""What a bench found. The names of fields and metrics are those of the printed table and of the JSON, both ways.

The JSON of `BenchResult.as_dict(items=True)`, whose metric names are those of `bench/tasks/metric_names.py`:

    tasks         each with its `role` (its score counts toward the domain mean or the general mean), `domain`, `main_metric`,
                  the `shown` metrics, `notes` on its data, and `gold`: item -> what it is compared with (pairs alone: a similarity or a label)
    references    each with its `base`, `kind`, `domain`, `parents` and `seeds`
    scores        one a task and reference: `metrics`, `items` (item -> value of `item_metric`), `difference` (each metric less the
                  base's, null for a base), `interval` (null for a base)
    summary       one a reference: the named columns, `gain_kept` by parent
    seed_groups   one a group of seeds, where several of its members were benched: mean, least and greatest score by task
    requirements  one a `--require`: what it says, the figures, whether it holds

`items`, and `gold` with them, are left out where `items` is not set.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Literal

from ..choices import Side

TaskRole = Literal["domain", "general"]
StatisticName = Literal["mean", "Spearman", "AP", "none"]
"""How the items of a task make its score: `bench.statistics` resamples accordingly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchedTask:
    """One task. `revision` is its content's hash; `items` counts what is averaged over, `item` says what that is.

    Attributes:
        role: Whether its score counts toward the domain mean or the general mean.
        domain: Whose task it is; None where it is not stated, and for general tasks.
        main_metric: The metric of the means, and of what a requirement says of the task without naming a metric.
        shown: The metrics of the table, the main one first.
        statistic: How the items make the score.
        gold: Of pairs, item -> what its value is compared with; empty elsewhere.
        notes: Notes on its data: what was skipped, not used, or judged twice, and which passages a pool holds.
    """

    name: str
    type: str
    split: str
    revision: str
    items: int
    item: str
    role: TaskRole = "domain"
    domain: str | None = None
    main_metric: str = ""
    shown: tuple[str, ...] = ()
    statistic: StatisticName = "none"
    gold: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedGroup:
    """The training runs of one command that differ only in the seed: `group` names them, `of` says how many were asked for."""

    group: str
    of: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchedReference:
    """One reference. `base` names the reference it is compared with: None for a base itself.

    `revision` is the hash of all that its vectors depend on. `parents` are the references that it was merged or put together from.
    """

    name: str
    base: str | None
    description: str
    revision: str
    precision: str
    max_tokens: int
    kind: str = "adapter"
    side: Side = "both"
    domain: str | None = None
    parents: tuple[str, ...] = ()
    seeds: SeedGroup | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """The difference of one score to another reference's (the base's, by default), and what is known of it.

    Attributes:
        metric: What the difference is of: the metric that the items make.
        difference: As measured.
        low: Lower end of the 95 % interval; None where there is none.
        high: Upper end.
        p: Of the hypothesis that both are equally good; None where there is none.
        p_holm: After Holm's correction over all comparisons of the bench.
        significant: Whether `p_holm` is below 0.05.
        method: How it was computed, or why there is none.
    """

    metric: str
    difference: float
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_holm: float | None = None
    significant: bool = False
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two references that are not bases, on one task: `interval` is that of the first one's score less the second one's."""

    task: str
    first: str
    second: str
    interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One reference on one task.

    `metrics` are mteb's means, 0 to 1 (a correlation: -1 to 1). `items` holds `item_metric` of each query, pair or row.
    `interval` is that of the difference to the base: None for a base, and before `assess`.
    """

    task: str
    reference: str
    metrics: dict[str, float]
    truncated: int
    seconds: float
    item_metric: str
    items: dict[str, float] = field(default_factory=dict)
    interval: Interval | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GainKept:
    """What a merge or an ensemble keeps of one parent's gain on the tasks of the parent's domain.

    Attributes:
        parent: The parent's reference.
        tasks: The tasks that it is the mean over.
        parent_gain: The parent's mean score less its base's.
        difference: The mean score less the parent's: what was lost (or won) in points.
        share: Gain / `parent_gain`; None where the 95 % interval of `parent_gain` holds 0, so that a share would mean nothing.
        low: Lower end of the share's 95 % interval; None without a share.
        high: Upper end.
    """

    parent: str
    tasks: tuple[str, ...]
    parent_gain: float
    difference: float
    share: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The named columns of one reference; None where there is nothing to compute one from.

    Attributes:
        reference: Whose they are.
        domain_mean: Mean of the main scores over the tasks with the role "domain".
        general_mean: Mean of the main scores over the general tasks.
        gain: `domain_mean` less the base's; None for a base.
        gain_kept: One for each parent that was benched too.
        forgetting: The base's `general_mean` less this one: above 0, something was lost. None for a base.
    """

    reference: str
    domain_mean: float | None
    general_mean: float | None
    gain: float | None = None
    gain_kept: tuple[GainKept, ...] = ()
    forgetting: float | None = None

    @property
    def general_change(self) -> float | None:
        """`general_mean` less the base's, as it is shown beside `gain`: below 0, something was forgotten. None for a base."""
        return None if self.forgetting is None else 0.0 - self.forgetting  # 0 stays 0, and is no -0


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSpread:
    """The main scores of one task over the members of a seed group. `deviation` is the sample's standard deviation."""

    task: str
    metric: str
    mean: float
    deviation: float
    least: float
    greatest: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedSpread:
    """Several members of one seed group: who they are, and their mean and spread on each task."""

    group: str
    of: int
    members: tuple[str, ...]
    tasks: tuple[TaskSpread, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of one requirement for one reference: `value` is compared with `limit`."""

    requirement: str
    reference: str
    task: str
    metric: str
    value: float
    limit: float
    holds: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchResult:
    """Every reference on every task. `summary` and `seed_groups` are empty before `assess`, `requirements` without a gate."""

    tasks: tuple[BenchedTask, ...]
    references: tuple[BenchedReference, ...]
    scores: tuple[Score, ...]
    mteb_version: str
    summary: tuple[Summary, ...] = ()
    seed_groups: tuple[SeedSpread, ...] = ()
    requirements: tuple[Verdict, ...] = ()

    def score(self, task: str, reference: str) -> Score:
        """Return the score of one reference on one task."""
        return next(score for score in self.scores if (score.task, score.reference) == (task, reference))

    def base_of(self, reference: str) -> str | None:
        """Return the name of the base that a reference is compared with; None for a base."""
        return next(benched.base for benched in self.references if benched.name == reference)

    def difference(self, task: str, reference: str) -> dict[str, float] | None:
        """Return each metric less the base's; None for a base."""
        base = self.base_of(reference)
        if base is None:
            return None
        own, theirs = self.score(task, reference).metrics, self.score(task, base).metrics
        return {metric: value - theirs[metric] for metric, value in own.items()}

    def as_dict(self, *, items: bool = False) -> dict:
        """Return the result as JSON can hold it, with the values of single queries and pairs where `items` is set."""
        return {
            "tasks": [_without(asdict(task), () if items else ("gold",)) for task in self.tasks],
            "references": [asdict(reference) for reference in self.references],
            "scores": [self._score_dict(score, items) for score in self.scores],
            "summary": [asdict(summary) | {"general_change": summary.general_change} for summary in self.summary],
            "seed_groups": [asdict(group) for group in self.seed_groups],
            "requirements": [asdict(verdict) for verdict in self.requirements],
            "mteb_version": self.mteb_version,
        }

    def _score_dict(self, score: Score, items: bool) -> dict:
        values = asdict(score) | {"difference": self.difference(score.task, score.reference)}
        return _without(values, () if items else ("items",))


def _without(values: dict, keys: tuple[str, ...]) -> dict:
    return {key: value for key, value in values.items() if key not in keys}
