"""What can decide a test: a metric of arms, or the preference of interleaved lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Unit = Literal["share", "seconds", "ms"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What is known of it before there are data.

    Attributes:
        name: What `--metric` takes; `label` says it with k in it.
        says: What it is, in a line.
        direction: 1 where more is better, -1 where less is.
        effect: The smallest difference that matters where the user gave none, in the measure's unit; fixed here, so that no data choose it.
        counted: What there have to be many of: what a value is a mean over.
    """

    name: str
    label: str
    says: str
    direction: Literal[1, -1]
    effect: float
    unit: Unit = "share"
    counted: str = "answers"


PREFERENCE = Measure(
    name="preference",
    label="preference",
    says="wins less losses, of the answers with a click on an arm's item",
    direction=1,
    effect=0.05,
    counted="answers with a click on an arm's item",
)
"""Of interleaved lists. Its effect is five more wins than losses in 100 such answers."""
