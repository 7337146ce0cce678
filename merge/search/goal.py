"""What a search wants: the gain that each domain keeps of its best parent's, with the general score held."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...registry.search_file import GeneralKind, Measurement
from .compass import Rank

MIN_GAIN = 0.005  # nDCG@10: a smaller gain is within the noise of some hundred queries, and a share of it would be a number without meaning


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """The measurements that a merge is compared with, and the least general score allowed."""

    base: Measurement
    parents: tuple[Measurement, ...]
    floor: float

    @classmethod
    def of(cls, base: Measurement, parents: Sequence[Measurement], kind: GeneralKind, tolerance: float) -> "Goal":
        """Set the floor: the base's score, or the closeness of the parent farthest from the base, less the tolerance."""
        held = base.general if kind == "spearman" else min(parent.general for parent in parents)
        return cls(base=base, parents=tuple(parents), floor=held - tolerance)

    def gain_kept(self, domain: str, measurement: Measurement) -> float | None:
        """Return the gain over the base as a share of the best parent's; None where that parent gains less than `MIN_GAIN`."""
        best = max(parent.ndcg[domain] for parent in self.parents) - self.base.ndcg[domain]
        return self._gain(domain, measurement) / best if best >= MIN_GAIN else None

    def score(self, measurement: Measurement) -> float:
        """Return the mean over domains of the share kept, at most 1 each; where there is no gain to keep, of the difference to the base in nDCG@10.

        What one domain gains beyond its best parent does not make up for what another one loses: of a small gain, such a share is mostly noise.
        """
        return self._mean_share(measurement, 1.0)

    def allows(self, measurement: Measurement) -> bool:
        """Return whether the general score is at least the floor."""
        return measurement.general >= self.floor

    def rank(self, measurement: Measurement) -> Rank:
        """Return what orders points: allowed ones by score, by what they gain beyond the best parents, by general score; then the others, by general score."""
        score, beyond = self._scores(measurement)
        return (1.0, score, beyond, measurement.general) if self.allows(measurement) else (0.0, measurement.general, score, beyond)

    def is_better(self, one: Measurement, other: Measurement) -> bool:
        """Return whether one is allowed and scores more than the other; among equal scores, what they gain beyond the best parents decides."""
        if not self.allows(one):
            return False
        return not self.allows(other) or self._scores(one) > self._scores(other)

    def _scores(self, measurement: Measurement) -> tuple[float, float]:
        return self.score(measurement), self._mean_share(measurement, math.inf)

    def _mean_share(self, measurement: Measurement, most: float) -> float:
        kept = [(self.gain_kept(domain, measurement), self._gain(domain, measurement)) for domain in self.base.ndcg]
        return float(np.mean([gain if share is None else min(share, most) for share, gain in kept]))

    def _gain(self, domain: str, measurement: Measurement) -> float:
        return measurement.ndcg[domain] - self.base.ndcg[domain]
