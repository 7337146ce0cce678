"""How far queries and passages are apart."""

from __future__ import annotations

import torch

from .batch import EmbeddedBatch


def distances(batch: EmbeddedBatch, kind: str) -> torch.Tensor:
    """Return the distance of each query and each passage, (q, p): `cosine`, which is 1 - cosine, or `euclidean`."""
    if kind == "cosine":
        return 1 - batch.cosines
    # Products of matrices would lose the digits of small distances, whose gradients would be noise then.
    return torch.cdist(batch.queries, batch.passages, compute_mode="donot_use_mm_for_euclid_dist")
