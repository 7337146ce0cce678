"""Files of vectors, one reader a kind: mapped where the file holds float32 or bfloat16, else read into memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...data.corpus_files import NAMES
from ...errors import DataError
from ..mapped import map_bytes, map_tensors
from .ids import as_ids

_ID_COLUMNS = ("_id", *NAMES["id"])
_VECTOR_NAMES = ("vector", "vectors", "embedding", "embeddings", "emb", "dense")
_MAPPED = (torch.float32, torch.bfloat16)
_NUMBERS = (*_MAPPED, torch.float16, torch.float64)


@dataclass(frozen=True, slots=True)
class VectorFile:
    """What a file holds: its vectors, (n, d); the ids of its rows, None: they are elsewhere; and whether its pages are mapped."""

    path: Path
    vectors: torch.Tensor
    ids: list[str] | None
    is_mapped: bool


def read_vector_file(path: Path) -> VectorFile:
    """Read or map a file of vectors.

    Raises:
        DataError: it is absent, empty, cut, of another kind, or holds something else.
    """
    if path.suffix not in VECTOR_READERS:
        raise DataError(
            f"{path} is not a file of vectors: its name ends in {path.suffix or 'nothing'}, expected {', '.join(VECTOR_READERS)}"
        )
    return VECTOR_READERS[path.suffix](path)


def _read_npy(path: Path) -> VectorFile:
    content = map_bytes(path)
    with path.open("rb") as file:
        try:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, is_fortran, dtype = read(file)
        except (ValueError, EOFError) as e:
            raise DataError(f"{path} is not a whole .npy file: {str(e).splitlines()[0]}") from e
        start = file.tell()
    if dtype.kind != "f" or dtype.itemsize > 8 or len(shape) != 2:
        raise DataError(f"{path} holds {dtype} of the shape {shape}; expected floating-point vectors, (rows, dimensions)")
    size = shape[0] * shape[1] * dtype.itemsize
    if len(content) < start + size:
        raise DataError(f"{path} is cut: {shape[0]} rows of {shape[1]} {dtype} need {start + size} bytes, and it has {len(content)}")
    if dtype == np.dtype("<f4") and not is_fortran and start % 4 == 0:
        return VectorFile(path, content[start : start + size].view(torch.float32).view(shape), None, True)
    array = np.load(path, allow_pickle=False).astype(np.float32, order="C")
    return VectorFile(path, torch.from_numpy(array), None, False)


def _read_safetensors(path: Path) -> VectorFile:
    tensors = map_tensors(path)
    matrices = {name: each for name, each in tensors.items() if each.ndim == 2 and each.dtype in _NUMBERS}
    name = next((name for name in _VECTOR_NAMES if name in matrices), next(iter(matrices)) if len(matrices) == 1 else None)
    if name is None:
        held = ", ".join(f"{name} {tuple(each.shape)}" for name, each in tensors.items()) or "none"
        raise DataError(f"{path} has no tensor of vectors (called {', '.join(_VECTOR_NAMES[:4])}); its tensors: {held}")
    vectors = matrices[name]
    is_mapped = vectors.dtype in _MAPPED
    return VectorFile(path, vectors if is_mapped else vectors.float(), None, is_mapped)


def _read_parquet(path: Path) -> VectorFile:
    from pyarrow import ArrowException, parquet

    if not path.is_file() or not path.stat().st_size:
        raise DataError(f"{path} is empty or does not exist; expected a table with an id and a vector in each row")
    try:
        file = parquet.ParquetFile(path)
        names = file.schema_arrow.names
        by_name = {name.lower(): name for name in reversed(names)}
        key, vector = (next((by_name[name] for name in known if name in by_name), None) for known in (_ID_COLUMNS, _VECTOR_NAMES))
        if key is None or vector is None:
            raise DataError(
                f"{path} has the columns {', '.join(names)}; expected one of ids (such as id) and one of vectors (such as vector or embedding)"
            )
        ids: list[str] = []
        vectors: torch.Tensor | None = None
        for start, batch in _batches(file, key, vector):
            ids += as_ids(path, batch.column(0).to_pylist())
            part = _matrix(path, start, batch.column(1))
            if vectors is None:
                vectors = torch.empty(file.metadata.num_rows, part.shape[1])
            if part.shape[1] != vectors.shape[1]:
                raise DataError(f"{path}, row {start}: a vector of {part.shape[1]} dimensions, and those before have {vectors.shape[1]}")
            vectors[start : start + len(part)] = part
    except ArrowException as e:
        raise DataError(f"{path} could not be read as parquet: {str(e).splitlines()[0]}") from e
    if vectors is None:
        raise DataError(f"{path} holds no rows; expected an id and a vector in each")
    return VectorFile(path, vectors, ids, False)


def _batches(file: Any, key: str, vector: str) -> Iterator[tuple[int, Any]]:
    start = 0
    for batch in file.iter_batches(batch_size=4096, columns=[key, vector]):
        yield start, batch.select([key, vector])
        start += batch.num_rows


def _matrix(path: Path, start: int, column: Any) -> torch.Tensor:
    """Return a column of lists as (n, d) float32."""
    lengths = {None if each is None else len(each) for each in column}
    if len(lengths) != 1 or None in lengths:
        raise DataError(
            f"{path}, rows {start} to {start + len(column) - 1}: vectors of different lengths, or none; expected one length in all rows"
        )
    try:
        flat = np.asarray(column.flatten().to_numpy(zero_copy_only=False), np.float32)
    except (AttributeError, TypeError, ValueError) as e:
        raise DataError(f"{path}: the column of vectors holds {column.type}; expected lists of numbers") from e
    return torch.from_numpy(flat.reshape(len(column), -1).copy())


VECTOR_READERS: dict[str, Callable[[Path], VectorFile]] = {
    ".npy": _read_npy,
    ".safetensors": _read_safetensors,
    ".parquet": _read_parquet,
}
"""Suffix -> what reads such a file of vectors."""
