"""What the user names as an index -> vectors with ids: our own folder, a file, or a folder of files, each checked in full."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from ...errors import DataError
from ...events import QUIET, Events
from ...files import near_files
from ...plurals import count
from ..folder import open_index
from ..manifest import BUILDING, MANIFEST, Manifest
from ..mapped import watch
from ..vectors import FROM_LENGTH_1, StoredVectors, blocks, pieces
from .files import VECTOR_READERS, VectorFile, read_vector_file
from .ids import ID_READERS, find_ids, read_ids

_ROWS_AT_ONCE = 8192


@dataclass(frozen=True, slots=True)
class NamedVectors:
    """Vectors with an id for each row.

    Attributes:
        path: What the user named.
        vectors: In the order of the rows.
        ids: As many, no two alike.
        manifest: What made them, where adapt did; None: nobody said.
    """

    path: Path
    vectors: StoredVectors
    ids: Sequence[str]
    manifest: Manifest | None = None


def open_vectors(path: Path, *, ids: Path | None = None, dimension: int | None = None, events: Events = QUIET) -> NamedVectors:
    """Open vectors that exist: an index of adapt, a .npy, .safetensors or .parquet file, or a folder of such files in the order of names.

    Args:
        path: What the user names.
        ids: Where the ids of .npy and .safetensors files stand, one a row; None: beside them (`find_ids`).
        dimension: What the vectors must have; None: any.
        events: Told what is done, and what is not mapped but in memory.

    Raises:
        DataError: it is absent, cut or malformed; rows and ids differ in number; an id comes twice; a number is not finite; a vector is not of
            length 1, or of another dimension.
    """
    path = path.expanduser()
    if not path.exists():
        raise DataError(f"the vectors {path} do not exist.{near_files(path)}")
    events.stage(f"reading the vectors of {path.name}")
    if path.is_dir() and any((path / name).is_file() for name in (MANIFEST, BUILDING)):
        index = open_index(path)
        found = NamedVectors(path, index.vectors(), list(index.ids()), index.manifest)
    else:
        found = _of_files(path, ids, events)
    if dimension is not None and found.vectors.dimension != dimension:
        raise DataError(
            f"{path} has vectors of {found.vectors.dimension} dimensions, and the base makes {dimension}; they are of another base"
        )
    _check_ids(path, found.ids)
    check_rows(path, found.vectors, events)
    return found


def check_rows(path: Path, vectors: StoredVectors, events: Events = QUIET) -> None:
    """Refuse numbers that are not finite, and vectors that are not of length 1.

    Raises:
        DataError: there is one; its row is named, from 0.
    """
    for start, rows in blocks(vectors.parts, _ROWS_AT_ONCE, torch.float32):
        lengths = torch.linalg.vector_norm(rows, dim=1)
        if len(bad := torch.nonzero(~lengths.isfinite())):
            raise DataError(f"{path}, row {start + int(bad[0])}: the vector holds a number that is not finite; compute it again")
        if len(bad := torch.nonzero((lengths - 1).abs() > FROM_LENGTH_1)):
            row = int(bad[0])
            raise DataError(
                f"{path}, row {start + row}: the vector has the length {float(lengths[row]):.3g}; expected vectors of length 1: divide each by its length"
            )
        events.progress("checking", start + len(rows), vectors.count, "vectors")


def _of_files(path: Path, ids: Path | None, events: Events) -> NamedVectors:
    files = _vector_files(path)
    parts = [read_vector_file(file) for file in files]
    widths = {part.vectors.shape[1]: part.path for part in parts}
    if len(widths) > 1:
        said = " and ".join(f"{width} ({file.name})" for width, file in widths.items())
        raise DataError(f"{path} holds vectors of {said} dimensions; expected one width")
    if in_memory := [part.path.name for part in parts if not part.is_mapped]:
        events.note(f"{in_memory[0]} is read into memory as float32; a .npy of float32 in the order of C would be mapped")
    named = _ids_of(path, parts, ids)
    total = sum(len(part.vectors) for part in parts)
    if len(named) != total:
        raise DataError(
            f"{path} has {count(total, 'vector')}, and there {'is' if len(named) == 1 else 'are'} {count(len(named), 'id')}; expected one id for each"
        )
    if not total:
        raise DataError(f"{path} holds no vectors")
    stored = StoredVectors(
        parts=tuple(part.vectors for part in parts),
        count=total,
        dimension=next(iter(widths)),
        content=_content(parts, named),
        files=tuple(watch(part.path) for part in parts if part.is_mapped),
    )
    return NamedVectors(path, stored, named)


def _vector_files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    ids = {f"ids{suffix}" for suffix in ID_READERS}
    files = sorted(file for file in path.iterdir() if file.suffix in VECTOR_READERS and file.name not in ids and not _is_ids(file))
    if not files:
        raise DataError(f"{path} holds no vectors: neither an index of adapt nor a file that ends in {', '.join(VECTOR_READERS)}")
    if len(kinds := {file.suffix for file in files}) > 1:
        raise DataError(
            f"{path} holds vectors in several kinds of files ({', '.join(sorted(kinds))}); name one of them, or leave one kind there"
        )
    return files


def _is_ids(file: Path) -> bool:
    return file.stem.endswith((".ids", "-ids", "_ids"))


def _ids_of(path: Path, parts: Sequence[VectorFile], ids: Path | None) -> list[str]:
    """Return the ids of all rows: those that were named, those in the files, or those beside each, or beside all."""
    if ids is not None:
        return read_ids(ids)
    if all(part.ids is not None for part in parts):
        return [each for part in parts for each in part.ids or ()]
    if len(parts) > 1 and (whole := next((path / f"ids{suffix}" for suffix in ID_READERS if (path / f"ids{suffix}").is_file()), None)):
        return read_ids(whole)
    return [each for part in parts for each in read_ids(find_ids(part.path))]


def _check_ids(path: Path, ids: Sequence[str]) -> None:
    if len(set(ids)) == len(ids):
        return
    first: dict[str, int] = {}
    for row, each in enumerate(ids):
        if each in first:
            raise DataError(f"{path}: the id {each!r} is that of row {first[each]} and of row {row}; give each row its own")
        first[each] = row


def _content(parts: Sequence[VectorFile], ids: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        for rows in pieces(part.vectors, _ROWS_AT_ONCE):
            digest.update(rows.contiguous().view(torch.uint8).numpy().tobytes())
    for each in ids:
        digest.update(each.encode("utf-8", "replace") + b"\0")
    return digest.hexdigest()
