"""Shorter vectors: a projection fitted on texts."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..encoders.protocol import Vectors
from ..errors import DataError


@dataclass(frozen=True, slots=True)
class Projection:
    """`matrix`, (whole, d), with orthonormal columns; `energy` is the share of the squared length of the vectors that it keeps."""

    matrix: Vectors
    energy: float


def fit_projection(vectors: Vectors, dim: int) -> Projection:
    """Return the projection to `dim` dimensions that keeps most of the vectors, (n, whole).

    The vectors are not centred: what is kept is then the best approximation of all their dot products, and so of their cosines, which
    is what searching compares. Taking a mean away would change every cosine before the first dimension is dropped. Fitted on documents,
    it costs a query only what no document has a share in.
    Source: https://doi.org/10.1007/BF02288367 (Eckart and Young 1936): the leading singular vectors.

    Raises:
        DataError: the texts span fewer dimensions than `dim`.
    """
    energies, directions = main_directions(vectors)
    spanned = int((energies > energies[-1] * 1e-12).sum())
    if spanned < dim:
        raise DataError(f"{len(vectors)} texts span {spanned} dimensions, and --dim is {dim}; give more texts, or take a smaller --dim")
    return Projection(directions[:, :dim].astype(np.float32), float(min(1.0, energies[-dim:].sum() / energies.sum())))


def main_directions(vectors: Vectors) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the energy of vectors, (n, whole), in each direction, ascending, and the directions as orthonormal columns, the main one first.

    They are as many as the vectors have numbers, also where the vectors span fewer.
    """
    wide = vectors.astype(np.float64)
    energies, directions = np.linalg.eigh(wide.T @ wide)  # (whole,) ascending, (whole, whole)
    directions = directions[:, ::-1]
    return energies, directions * np.where(
        directions.sum(axis=0) < 0, -1, 1
    )  # a direction has no sign; this one is the same on every machine
