"""A report as data: every number that is printed, and nothing that is computed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from ..measures.measure import Unit

State = Literal["ahead", "behind", "alike", "open", "too few", "doubtful"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A value with its interval, which is valid at one look; None where there is nothing to measure."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """An arm against the first: `low`, `high` and `p` are valid at one look fixed beforehand, the `always` ones at every look.

    `always_p_holm` of a metric that does not decide is adjusted for the number of such metrics.
    """

    arm: str
    value: float | None
    low: float | None
    high: float | None
    p: float
    always_low: float | None
    always_high: float | None
    always_p: float
    always_p_holm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricRow:
    """One metric over all arms, in the order of the experiment."""

    metric: str
    label: str
    unit: Unit
    direction: int
    effect: float
    values: tuple[Figure, ...]
    contrasts: tuple[Contrast, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmCount:
    """What an arm has: its users and answers, and the clicks and purchases of those."""

    name: str
    reference: str
    users: int
    answers: int
    clicks: int
    purchases: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRows:
    """The metrics of one part of the answers."""

    by: str
    name: str
    answers: int
    rows: tuple[MetricRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferenceRow:
    """An arm against the first in interleaved lists; see `abtests.measures.preference.Preference`."""

    arm: str
    wins: int
    losses: int
    ties: int
    clicks: int
    clicks_first: int
    users_for: int
    users_against: int
    sign_p: float

    @property
    def counts(self) -> tuple[int, ...]:
        """All but the arm and the p-value, in their order."""
        return self.wins, self.losses, self.ties, self.clicks, self.clicks_first, self.users_for, self.users_against


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The primary metric's contrast as it was at a moment, in seconds since 1970, and whether a decision was possible then."""

    at: float
    is_ready: bool
    contrast: Contrast


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the primary metric says of an arm.

    `doubtful`: users came in other shares than the experiment gave, so that no difference can be trusted. `since` is the first look at which the
    always-valid interval excluded 0, `days_left` how long it will still take, at the traffic so far, to find the smallest effect that matters;
    None where it cannot be said or is not needed.
    """

    arm: str
    state: State
    since: float | None
    days_left: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """Something that is told beside the figures: `name` is a row of `FLAGS`, `facts` fill its text, a warning casts doubt on the result."""

    name: str
    facts: dict[str, Any]
    is_warning: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The report of one experiment.

    `users` and `answers` are those that count, of all arms. `rows` and `segments` are empty where lists are interleaved, and `preferences`
    elsewhere. `alpha` is that of one comparison with the first arm: all of them together have the level that was asked for.
    """

    experiment: str
    kind: str
    created: float
    first: float
    last: float
    metric: str
    label: str
    effect: float
    is_default_effect: bool
    alpha: float
    k: int
    names: tuple[str, ...]
    users: int
    answers: int
    arms: tuple[ArmCount, ...]
    rows: tuple[MetricRow, ...]
    preferences: tuple[PreferenceRow, ...]
    segments: tuple[SegmentRows, ...]
    looks: tuple[Look, ...]
    verdicts: tuple[Verdict, ...]
    flags: tuple[Flag, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON writes it."""
        return asdict(self)
