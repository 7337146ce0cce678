"""A graph whose matrices are eight-bit integers, and what that costs: nDCG on dev data, or where there are none, cosines of sample texts."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ...choices import Role
from ...data.dev_set import DevSet, draw_dev_set
from ...encoders.protocol import Encoded, Encodes
from ...errors import AdaptError
from ...events import Events
from ...registry import Entry
from .onnx_run import OnnxEncoder
from .samples import sample_texts
from .whole import WholeModel

_QUANTIZED = ["MatMul", "Gather"]
"""Products with weights, and the look-up of tokens; products of two states stay as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What eight bits cost.

    Attributes:
        dev: The dev data; None where there were none at hand.
        metric: What was measured on them; None likewise.
        fp32: The score of the graph in float32; None likewise.
        int8: The score of the eight-bit graph; None likewise.
        cosine: The mean cosine to the vectors in float32, over texts of the samples in English and Chinese.
        least_cosine: The least one.
    """

    dev: str | None = None
    metric: str | None = None
    fp32: float | None = None
    int8: float | None = None
    cosine: float
    least_cosine: float

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {name: getattr(self, name) for name in ("dev", "metric", "fp32", "int8", "cosine", "least_cosine")}


def quantize(source: Path, target: Path, *, is_large: bool) -> None:
    """Write a graph with weights of eight bits, a scale for each column; states are quantized as they come.

    Args:
        source: The graph in float32.
        target: The new file.
        is_large: Whether the weights lie beside the file.

    Source: https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html, dynamic quantization.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with _quiet():
        quantize_dynamic(
            source,
            target,
            op_types_to_quantize=_QUANTIZED,
            per_channel=True,
            weight_type=QuantType.QInt8,
            use_external_data_format=is_large,
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the advice on preprocessing away, which is logged on the root."""
    level = logging.root.level
    logging.root.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.root.setLevel(level)


def measure_loss(fp32: OnnxEncoder, int8: OnnxEncoder, whole: WholeModel, dev: tuple[str, DevSet] | None) -> Loss:
    """Compare two graphs of one network on dev data, where there are some, and on sample texts."""
    texts = sample_texts()
    pairs = [(fp32.encode(texts, role).vectors, int8.encode(texts, role).vectors) for role in whole.roles]
    cosines = np.concatenate([(one * other).sum(1) for one, other in pairs])
    near = Loss(cosine=float(cosines.mean()), least_cosine=float(cosines.min()))
    if dev is None:
        return near
    name, data = dev
    fp32_score, int8_score = (data.score(_as_used(each, whole)) for each in (fp32, int8))
    return replace(near, dev=name, metric=str(data.metric), fp32=fp32_score, int8=int8_score)


@dataclass(frozen=True, slots=True)
class _QueriesAlone:
    """A model for queries beside its base for documents."""

    queries: OnnxEncoder
    documents: Encodes

    def encode(self, texts: Sequence[str], role: Role = "document") -> Encoded:
        return (self.queries if role == "query" else self.documents).encode(texts, role)


def _as_used(graph: OnnxEncoder, whole: WholeModel) -> Encodes:
    return graph if "document" in whole.roles else _QueriesAlone(graph, whole.encoder)


def find_dev(asked: str | None, entry: Entry | None, language: str, events: Events) -> tuple[str, DevSet] | None:
    """Return dev data and their name: those that were asked for, else those of the version's own record where they are at hand.

    Raises:
        AdaptError: those that were asked for cannot be read.
    """
    from ...data.sources import load_dev_data

    source = asked or _own_source(entry)
    if source is None:
        return None
    try:
        name, corpus, pairs = load_dev_data(source, lang=_language(entry) or language)
    except AdaptError as e:
        if asked:
            raise
        events.note(f"note: the data of its training are not at hand ({e})")
        return None
    return name, draw_dev_set(pairs, corpus)


def _own_source(entry: Entry | None) -> str | None:
    """Return the source that a version was trained on, as `load_dev_data` takes it; None where it is not one."""
    source = entry.data.source if entry is not None and entry.data is not None else ""
    if source.startswith("sample:"):
        return source.removeprefix("sample:").partition("/")[0]
    return source if source and Path(source).exists() else None


def _language(entry: Entry | None) -> str | None:
    return entry.data.language if entry is not None and entry.data is not None else None
