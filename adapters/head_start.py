"""What a projection head begins as: the main directions of the base's own vectors of training texts."""

from __future__ import annotations

import torch

from ..base.head import Head
from ..base.load import Base
from ..choices import Role
from ..data.draw import draw
from ..ensemble.pca import main_directions
from .batches import Batches
from .config import TrainConfig
from .corpus.open import corpus_encoder
from .strategies.head import make_head

TEXTS = 2048
"""At most so many texts: several for each direction of a base's vectors, in less time than an epoch takes."""


def start_head(base: Base, config: TrainConfig, batches: Batches) -> Head | None:
    """Return what the head of a run begins as: a truncated PCA of the base's vectors; None where it has none, or none narrower than they are.

    So it begins as the best approximation of all cosines that so many numbers hold. The vectors are not centred (`fit_projection`), and
    the head acts on vectors that are not of length 1 yet, which changes no direction. A head as wide as the vectors or wider has nothing
    to leave out: it begins as seeded directions at right angles, which change no cosine.

    Args:
        base: As it is, before anything is put in.
        config: How the run trains.
        batches: Give the texts that it trains on.
    """
    if config.head is None or config.head >= base.dimension:
        return None
    encoder = corpus_encoder(base, config)
    vectors = torch.cat([torch.from_numpy(encoder.encode(texts, role).vectors) for role, texts in start_texts(config, batches).items()])
    _, directions = main_directions(vectors.numpy())
    return make_head(torch.from_numpy(directions[:, : config.head].T.copy()).float(), config)


def start_texts(config: TrainConfig, batches: Batches) -> dict[Role, list[str]]:
    """Return the texts that the directions are those of, by role: a seeded sample, half of it queries where there are enough."""
    return {role: draw(list(dict.fromkeys(texts)), TEXTS // 2, config.seed) for role, texts in batches.all_texts().items() if texts}
