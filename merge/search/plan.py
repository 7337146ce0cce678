"""What a search or a curve will cost, shown before it starts."""

import time
from dataclasses import dataclass

from ...plurals import count
from .candidates import Candidates
from .probe import Probe


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasurePlan:
    """How many sets of factors will be measured at most, on how many texts each, and about how long that takes.

    `sets` says what the domains' dev sets hold; `general` what the general score is measured on.
    """

    measurements: int
    texts: int
    seconds: float
    sets: tuple[str, ...]
    general: str

    def describe(self) -> str:
        """Describe it in one line."""
        minutes = max(1, round(self.seconds / 60))
        return (
            f"at most {count(self.measurements, 'measurement')} of {count(self.texts, 'text')} each, about {minutes} min "
            f"({'; '.join(self.sets)}; general: {self.general})"
        )


def plan_measurements(candidates: Candidates, probe: Probe, measurements: int) -> MeasurePlan:
    """Time a few texts and one merge, and multiply.

    Args:
        candidates: What will be merged, and how.
        probe: What it will be measured on.
        measurements: How many: `SearchSettings.measurements`, `count_curve_points`, or their sum.
    """
    encode_s = probe.estimate_seconds()
    started = time.monotonic()
    candidates.check()
    merge_s = time.monotonic() - started
    same = "the same queries" if probe.side == "query" else "the same texts"
    general = f"{len(probe.pairs)} sentence pairs" if probe.pairs is not None else f"closeness to the base on {same}"
    return MeasurePlan(
        measurements=measurements,
        texts=probe.text_count,
        seconds=measurements * (encode_s + merge_s),
        sets=tuple(task.describe() for task in probe.tasks),
        general=general,
    )
