"""What a program gives as texts or vectors -> what an encoder takes, and the cosines of vectors."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..encoders.protocol import Vectors
from ..errors import DataError


def as_texts(texts: object) -> list[Any]:
    """Return one text or several as a list; whether each is a text is the encoder's to say.

    Raises:
        DataError: they are neither.
    """
    if isinstance(texts, str):
        return [texts]
    if isinstance(texts, bytes) or not isinstance(texts, Iterable):
        raise DataError(f"expected a text or a list of texts, and {_shown(texts)} came")
    return list(texts)


def as_vectors(given: Any, encode: Callable[[Any], Vectors]) -> Vectors:
    """Return vectors as a matrix, (n, d) float32, and texts encoded as one.

    Raises:
        DataError: they are neither texts nor a vector or a matrix of numbers.
    """
    if isinstance(given, str) or (isinstance(given, Iterable) and not hasattr(given, "shape") and _are_texts(given := list(given))):
        return np.atleast_2d(encode(given))
    try:
        vectors = np.atleast_2d(np.asarray(given, np.float32))
    except (TypeError, ValueError):
        raise DataError(f"expected texts, or vectors as (n, d) numbers, and {_shown(given)} came") from None
    if vectors.ndim != 2 or np.ndim(given) == 0:
        raise DataError(f"expected texts, or vectors as (n, d) numbers, and {_shown(given)} came")
    return vectors


def cosines(one: Vectors, other: Vectors) -> Vectors:
    """Return the cosine of each of (n, d) with each of (m, d), (n, m) float32; a vector without a length is equally far from all.

    Raises:
        DataError: their widths differ.
    """
    if one.shape[1] != other.shape[1]:
        raise DataError(f"vectors of {one.shape[1]} and of {other.shape[1]} dimensions cannot be compared; encode both with one adapter")
    products: Vectors = _at_length_1(one) @ _at_length_1(other).T
    return products


def _are_texts(rows: list[object]) -> bool:
    return not rows or isinstance(rows[0], str) or rows[0] is None


def _at_length_1(vectors: Vectors) -> Vectors:
    scaled: Vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return scaled


def _shown(given: object) -> str:
    shape = getattr(given, "shape", None)
    return f"a value of the type {type(given).__name__}" + (f" and the shape {tuple(shape)}" if shape is not None else "")
