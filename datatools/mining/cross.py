"""A cross-encoder as the judge of candidates."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ...data.pairs import TrainingData
from ...encoders.cross_encoder import probabilities
from ...events import Events
from ...references.cross_encoder import open_cross_encoder
from .candidates import Rows, Scores
from .settings import MineSettings

if TYPE_CHECKING:
    from ...cache.pair_scores import CachedCrossEncoder


@dataclass(frozen=True, slots=True)
class CrossJudge:
    """The training queries and passages of data, by their places, and what scores pairs of them."""

    encoder: CachedCrossEncoder
    queries: tuple[str, ...]
    passages: tuple[str, ...]
    scale: str = "probability"
    is_slow: bool = True

    @property
    def name(self) -> str:
        """What the user calls the cross-encoder."""
        return self.encoder.name

    def judge(self, queries: Rows, rows: Rows, events: Events) -> Scores:
        """Return how probable it is that passages answer queries, by the cross-encoder's account."""
        asked = [self.queries[query] for query in queries.tolist()], [self.passages[row] for row in rows.tolist()]
        return probabilities(self.encoder.score(*asked, events))


def open_judge(data: TrainingData, settings: MineSettings, events: Events) -> CrossJudge | None:
    """Load the cross-encoder that judges; None where none is named.

    Raises:
        BaseError: it is not there, or is not a cross-encoder with one logit.
        ConfigError: the device is not here.
    """
    if settings.cross_encoder is None:
        return None
    events.stage(f"loading the cross-encoder {settings.cross_encoder}")
    opened = open_cross_encoder(settings.cross_encoder, replace(settings.encoder, max_tokens=None))  # the length is of other networks
    return CrossJudge(opened, tuple(data.train.queries.values()), tuple(data.corpus.values()))
