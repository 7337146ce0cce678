"""What hard negatives are wanted, and by what they are found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from ...errors import ConfigError, RequestError, unknown_name
from ...references import EncoderSettings, Search

BM25 = "bm25"
"""The word that stands for BM25 where a reference may stand."""
Sampling = Literal["top", "random"]
RelativeMargin = float | Literal["auto", "none"]
DEFAULT_MARGIN = 0.05
"""A negative scores at most 95 % of what the positive does."""
PER_NEGATIVE = 10
"""So many candidates for each negative that is wanted, unless a range is given: those too near a positive are passed over."""
EXACT_LIMIT = 20_000_000_000
"""Comparisons of a query with a passage up to which all are made: about half an hour on one core."""


def read_margin(text: str) -> RelativeMargin:
    """Read a relative margin as it is typed.

    Raises:
        ConfigError: it is neither auto nor none nor a share.
    """
    if text in ("auto", "none"):
        return text  # type: ignore[return-value]
    try:
        return check_margin(float(text))
    except ValueError:
        raise ConfigError(_not_a_margin(text)) from None


def check_margin(margin: RelativeMargin) -> RelativeMargin:
    """Return a relative margin that can be one.

    Raises:
        RequestError: it cannot.
    """
    if margin not in ("auto", "none") and not (isinstance(margin, float | int) and 0 <= margin < 1):
        raise RequestError(_not_a_margin(margin))
    return margin


def _not_a_margin(margin: object) -> str:
    return f"the relative margin is {margin!r}; expected auto, none, or from 0 to below 1, such as 0.05"


@dataclass(frozen=True, slots=True, kw_only=True)
class MineSettings:
    """How hard negatives are mined. The margins and bounds are those of sentence-transformers' `mine_hard_negatives`.

    Attributes:
        by: What finds candidates: references, or `bm25`; the rankings of several are fused.
        negatives: How many are wanted for each training query, from 1.
        range_min: So many of the nearest candidates are passed over, positives not being counted.
        range_max: The candidates end here; None: 10 for each negative after `range_min`.
        relative_margin: A negative's score is at most the positive's less this share of it; `auto`: .05 of cosines and of a cross-encoder's
            probabilities, and none of BM25's scores, which many an answer has few of; `none`: no such margin.
        absolute_margin: It is at most the positive's less this; None: no such margin.
        max_score: It is at most this; None: no bound.
        min_score: It is at least this; None: no bound.
        sampling: The hardest of what is left (`top`), or any of it (`random`).
        seed: Of `random`.
        cross_encoder: A folder or a Hub id, whose probabilities are then the scores that margins and bounds are held against; None: those
            of the first reference in `by` are, or of BM25 where there is none.
        terms: Words that BM25 takes whole.
        exact_limit: Above so many comparisons of a query with a passage, an approximate index finds the candidates of references.
        where: Where references are looked for; None: the user's own registry.
        encoder: How vectors, and a cross-encoder's scores, are computed; no length: texts are cut as in training.

    Source: the margin in per cent of the positive's score is TopK-PercPos, https://arxiv.org/abs/2407.15831.
    """

    by: tuple[str, ...] = ("base",)
    negatives: int = 5
    range_min: int = 0
    range_max: int | None = None
    relative_margin: RelativeMargin = "auto"
    absolute_margin: float | None = None
    max_score: float | None = None
    min_score: float | None = None
    sampling: Sampling = "top"
    seed: int = 0
    cross_encoder: str | None = None
    terms: tuple[str, ...] = ()
    exact_limit: int = EXACT_LIMIT
    where: Search | None = None
    encoder: EncoderSettings = field(default_factory=EncoderSettings)

    def __post_init__(self) -> None:
        if not self.by or len(set(self.by)) < len(self.by):
            raise RequestError(f"negatives are found by {', '.join(self.by) or 'nothing'}; name bm25 and references, each once")
        if self.negatives < 1:
            raise RequestError(f"{self.negatives} negatives are wanted for a query; expected at least 1")
        if self.range_min < 0 or self.depth - self.range_min < self.negatives:
            raise RequestError(
                f"the range from {self.range_min} to {self.depth} leaves no place for {self.negatives} negatives; "
                "expected 0 <= range_min and range_min + negatives <= range_max"
            )
        if self.sampling not in get_args(Sampling):
            raise RequestError(unknown_name("sampling", str(self.sampling), get_args(Sampling)))
        check_margin(self.relative_margin)
        if self.absolute_margin is not None and self.absolute_margin < 0:
            raise RequestError(f"the absolute margin is {self.absolute_margin}; expected 0 or more")
        if self.exact_limit < 0:
            raise RequestError(f"the limit of exact comparisons is {self.exact_limit}; expected 0 or more")

    @property
    def depth(self) -> int:
        """How many candidates of a query are found, those that are passed over included."""
        return self.range_min + PER_NEGATIVE * self.negatives if self.range_max is None else self.range_max

    @property
    def margin(self) -> float | None:
        """The share of the positive's score that a negative's is below it at least; None: there is no such margin."""
        if isinstance(self.relative_margin, str):
            is_held = self.relative_margin == "auto" and bool(self.references or self.cross_encoder)
            return DEFAULT_MARGIN if is_held else None
        return self.relative_margin

    @property
    def references(self) -> tuple[str, ...]:
        """What of `by` has vectors."""
        return tuple(each for each in self.by if each != BM25)
