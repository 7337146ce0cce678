"""Round trip: of a query that was written for a passage, is the passage among the first that it finds?

Source: the consistency filter of https://arxiv.org/abs/2209.11755 (Promptagator), by the vectors of the base here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...events import QUIET, Events

if TYPE_CHECKING:
    from ...encoders.protocol import Encodes

_PASSAGES = 4096
"""How many passages are embedded at once; their vectors are not kept."""


def ranks_of_own(
    encoder: Encodes, queries: Sequence[str], own: Sequence[str], corpus: Mapping[str, str], events: Events = QUIET
) -> NDArray[np.int64]:
    """Return the rank of each query's own passage among all passages, (queries,), from 1; equal scores count in its favour.

    Args:
        encoder: Gives vectors of length 1.
        queries: Texts.
        own: The id of the passage that each was written for.
        corpus: Passage id -> text.
        events: Receives the progress.
    """
    vectors = encoder.encode(queries, "query").vectors  # (queries, d)
    distinct = list(dict.fromkeys(own))
    rows = {pid: row for row, pid in enumerate(distinct)}
    targets = encoder.encode([corpus[pid] for pid in distinct], "document").vectors[[rows[pid] for pid in own]]
    scores = np.einsum("qd,qd->q", vectors, targets)
    better, done = np.zeros(len(queries), np.int64), 0
    everything = list(corpus)
    for start in range(0, len(everything), _PASSAGES):
        ids = everything[start : start + _PASSAGES]
        found = vectors @ encoder.encode([corpus[pid] for pid in ids], "document").vectors.T  # (queries, passages)
        place = {pid: column for column, pid in enumerate(ids)}
        for row, pid in enumerate(own):
            if pid in place:
                found[row, place[pid]] = -np.inf  # itself, whose score may differ in the last digit from batch to batch
        better += (found > scores[:, None]).sum(axis=1)
        done += len(ids)
        events.progress("checking that queries find their passages", done, len(corpus), "passages")
    return better + 1
