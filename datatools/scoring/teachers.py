"""What can score pairs of texts: a reference by cosines, a cross-encoder by logits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...events import QUIET, Events
from ...references import LoadedBases
from ...references.cross_encoder import find_cross_encoder, open_cross_encoder
from ..embedding import at_training_length, embed, resolve_with_vectors
from .settings import ScoreSettings


@dataclass(frozen=True, slots=True)
class TextPairs:
    """Pairs of texts: distinct `queries` and `passages`, and the row of each for every pair, both (n,)."""

    queries: Sequence[str]
    passages: Sequence[str]
    of_query: NDArray[np.int64]
    of_passage: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Scored:
    """The scores of pairs, (n,), who gave them, and what they are, such as `cosine`."""

    scores: NDArray[np.float32]
    teacher: str
    scale: str


def check_teacher(settings: ScoreSettings) -> None:
    """Refuse a teacher that is not there, before anything is read or loaded.

    Raises:
        AdaptError: it is not known, or has no vectors.
    """
    if settings.cross_encoder is not None:
        find_cross_encoder(settings.cross_encoder)
    else:
        resolve_with_vectors([settings.by], settings.where, settings.encoder, QUIET)


def score_pairs(pairs: TextPairs, settings: ScoreSettings, events: Events) -> Scored:
    """Score pairs by what the settings name.

    Raises:
        AdaptError: it is not there, does not load, or its vectors do not fit the disk.
    """
    by = _by_reference if settings.cross_encoder is None else _by_cross_encoder
    return by(pairs, settings, events)


def _by_reference(pairs: TextPairs, settings: ScoreSettings, events: Events) -> Scored:
    (resolved,) = found = resolve_with_vectors([settings.by], settings.where, settings.encoder, events)
    embedded = embed(resolved, LoadedBases(at_training_length(settings.encoder, found)), pairs.queries, pairs.passages, events)
    return Scored(embedded.cosines(pairs.of_query, pairs.of_passage), resolved.reference, "cosine")


def _by_cross_encoder(pairs: TextPairs, settings: ScoreSettings, events: Events) -> Scored:
    assert settings.cross_encoder is not None
    events.stage(f"loading the cross-encoder {settings.cross_encoder}")
    encoder = open_cross_encoder(settings.cross_encoder, settings.encoder)
    queries = [pairs.queries[row] for row in pairs.of_query.tolist()]
    events.stage(f"scoring with {encoder.name}")
    return Scored(encoder.score(queries, [pairs.passages[row] for row in pairs.of_passage.tolist()], events), encoder.name, "logit")
