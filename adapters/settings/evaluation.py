"""When a run is scored on dev, and when it stops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from .setting import Setting, Settings, above_zero, zero_or_more


@dataclass(frozen=True, kw_only=True)
class EvaluationSettings(Settings):
    """When a run is scored on dev, and when it stops."""

    eval_steps: Annotated[
        int | None,
        Setting(help="steps between two evaluations on dev; none: once an epoch", when="when an epoch is long", check=above_zero),
    ] = None
    patience: Annotated[
        int | None,
        Setting(
            help="evaluations without a gain before the run stops; none: never early",
            when="higher with frequent evaluations or a small dev split",
            check=above_zero,
        ),
    ] = 3
    min_gain: Annotated[
        float,
        Setting(
            help="by how much a score must exceed the last one that was a gain, to be one; for `patience` alone",
            when="0.001 or so to stop when gains get small",
            check=zero_or_more,
            is_later=True,
        ),
    ] = 0.0
