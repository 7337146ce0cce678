"""An exported model is opened as a stranger would open it, and its vectors are held against the ones that it was made from."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...encoders.protocol import Vectors
from ...errors import AdapterError
from ...references import EncoderSettings, LoadedBases, Search, open_encoder, resolve_reference
from .samples import long_text, sample_texts
from .whole import WholeModel

TOLERANCE = 1e-6
"""Of each number of a vector of length 1: the weights are the same numbers, and the sums are the same sums."""


def check_merged(whole: WholeModel, folder: Path, where: Search) -> float:
    """Return the largest difference of a number, over texts in both languages and in each role that the model serves.

    Raises:
        AdapterError: it is more than the tolerance.
        BaseError: the folder does not open.
    """
    plain = Search(registry=where.registry)  # nothing is said of it: the folder states all
    opened = open_encoder(resolve_reference(str(folder), plain), LoadedBases(EncoderSettings(device="cpu", precision="fp32")))
    texts = [*sample_texts(), long_text(whole.encoder.max_tokens)]
    largest = max(_difference(opened.encode(texts, role).vectors, whole.encoder.encode(texts, role).vectors) for role in whole.roles)
    if not largest <= TOLERANCE:
        raise AdapterError(
            f"the model that was written gives other vectors than {whole.resolved.reference} (by {largest:.1e}, at most {TOLERANCE:.0e} is "
            "allowed) and was not kept; please report this with the output of: adapt show"
        )
    return largest


def _difference(ours: Vectors, theirs: Vectors) -> float:
    return float(np.abs(ours - theirs).max())
