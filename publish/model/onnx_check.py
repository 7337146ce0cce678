"""A graph's vectors against torch's, in batches of several sizes and texts of several lengths, as long as the model reads among them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ...errors import AdapterError
from .onnx_run import OnnxEncoder
from .samples import long_text, sample_texts
from .whole import WholeModel

LEAST_COSINE = 0.9999


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How near the vectors of a graph are to torch's: the least cosine, and in what they were compared."""

    cosine: float
    texts: int
    batches: tuple[int, ...]
    longest: int


def check_onnx(encoder: OnnxEncoder, whole: WholeModel) -> Agreement:
    """Compare a graph with the network that it was made from.

    Raises:
        AdapterError: a cosine is below the least one.
    """
    import torch

    from ...encoders.forward import embed

    batches = list(_batches(whole))
    with torch.inference_mode():
        cosines = [_cosines(encoder.embed(ids), embed(whole.base, ids, "fp32").numpy()) for ids in batches]
    found = Agreement(
        cosine=float(np.concatenate(cosines).min()),
        texts=sum(map(len, batches)),
        batches=tuple(sorted({len(ids) for ids in batches})),
        longest=max(len(each) for ids in batches for each in ids),
    )
    if not found.cosine >= LEAST_COSINE:
        raise AdapterError(
            f"the ONNX model gives other vectors than {whole.resolved.reference} (cosine {found.cosine:.6f}, at least {LEAST_COSINE} is needed) "
            "and was not kept; please report this with the versions of torch, onnx and onnxruntime"
        )
    return found


def _batches(whole: WholeModel) -> Iterator[list[list[int]]]:
    """Yield token ids: one short text, one as long as can be, and batches of unequal lengths."""
    from ...encoders.tokens import tokenize

    longest = whole.encoder.max_tokens
    texts = [sample_texts()[start :: len(whole.roles)] for start in range(len(whole.roles))]
    ids = [each for some, role in zip(texts, whole.roles, strict=True) for each in tokenize(whole.base, some, role).ids]
    ids.sort(key=len)
    (long,) = tokenize(whole.base, [long_text(longest)], whole.roles[-1], longest).ids
    yield [ids[0]]
    yield [long]
    yield [ids[-1], long[: longest // 2]]
    yield ids[:5]
    yield ids[5:]


def _cosines(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    products: np.ndarray = (ours * theirs).sum(1)
    return products
