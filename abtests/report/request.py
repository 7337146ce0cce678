"""What is asked of a report."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ...errors import RequestError
from ..measures.metrics import measure_named
from ..measures.outcomes import Counting


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRequest:
    """A report.

    Attributes:
        folder: What `adapt serve --events` was given.
        experiment: Which one; None: the newest.
        metric: The primary metric, which decides; interleaved lists are decided by preference whatever it is, and no split is. None, as of the next three: what
            the plan beside the log says; without a plan, ctr.
        effect: The smallest difference that matters, in the metric's unit; without a plan, the metric's default. It sets tau, so it is fixed
            before the first look.
        alpha: The chance of a wrong decision over all looks and arms together; without a plan, 0.05.
        power: The chance to find the effect, for the time that is left; without a plan, 0.8.
        counting: How outcomes are counted.
        keep_bots: Whether users who search faster than a person count.
    """

    folder: Path
    experiment: str | None = None
    metric: str | None = None
    effect: float | None = None
    alpha: float | None = None
    power: float | None = None
    counting: Counting = field(default_factory=Counting)
    keep_bots: bool = False

    def __post_init__(self) -> None:
        if self.metric is not None:
            measure_named(self.metric)
        if self.effect is not None and not 1e-9 <= self.effect <= 1e9:
            raise RequestError(f"the effect is {self.effect:g}; expected a number from 1e-09 to 1e+09, in the metric's unit")
        for name in ("alpha", "power"):
            value = getattr(self, name)
            if value is not None and not 0 < value < 1:
                raise RequestError(f"{name} is {value:g}; expected a chance between 0 and 1")
