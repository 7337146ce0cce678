"""One file of an index: some rows of the corpus with their vectors, ids and texts, so that any one is read without the others.

A safetensors file, written once: `vectors` (n, d) float32 or bfloat16; `ids` and `texts`, the UTF-8 bytes of all rows one after another, with
`id_ends` and `text_ends` (n,) where each one ends; `id_hashes` (n,) in ascending order, with `id_rows` (n,) the row that each belongs to.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray

from ..encoders.protocol import Vectors
from ..errors import DataError
from .manifest import ShardRecord, VectorFormat
from .mapped import WatchedFile, map_tensors, read_metadata, watch

DTYPES: dict[VectorFormat, torch.dtype] = {"bf16": torch.bfloat16, "fp32": torch.float32}
_ABOUT = "adapt"  # the one key of the header's metadata: with several, their order would differ from run to run


@dataclass(frozen=True, eq=False)
class Shard:
    """A shard that is mapped.

    Attributes:
        file: Where it lies, and whether it changed.
        tensors: By name; the vectors as (n, d).
    """

    file: WatchedFile
    tensors: dict[str, torch.Tensor]

    @property
    def vectors(self) -> torch.Tensor:
        """The vectors, (n, d), float32 or bfloat16."""
        return self.tensors["vectors"]

    @cached_property
    def _arrays(self) -> dict[str, NDArray[Any]]:
        return {name: tensor.numpy() for name, tensor in self.tensors.items() if name != "vectors"}

    def id(self, row: int) -> str:
        """Return the id of a row."""
        return self._text("ids", "id_ends", row)

    def text(self, row: int) -> str:
        """Return the text of a row; KeyError: texts are not kept."""
        return self._text("texts", "text_ends", row)

    def ids(self) -> list[str]:
        """Return all ids."""
        return [self.id(row) for row in range(len(self.vectors))]

    def find(self, hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Return for each hash of an id (`hash_id`) the first row that has it, (m,); -1: none has."""
        own = self._arrays["id_hashes"]
        places = np.minimum(np.searchsorted(own, hashes), len(own) - 1)
        return np.where(own[places] == hashes, self._arrays["id_rows"][places], -1).astype(np.int64)

    def _text(self, blob: str, ends: str, row: int) -> str:
        at = self._arrays[ends]
        start = int(at[row - 1]) if row else 0
        return self._arrays[blob][start : int(at[row])].tobytes().decode("utf-8", "replace")


def pack_shard(ids: Sequence[str], texts: Sequence[str] | None, vectors: Vectors, store: VectorFormat, content: str) -> bytes:
    """Return the bytes of a shard: the same for the same rows.

    Args:
        ids: n of them.
        texts: n, or None: they are not kept.
        vectors: (n, d) float32.
        store: What the vectors are kept in.
        content: As `hash_rows`.
    """
    hashes = hash_ids(ids)
    order = np.argsort(hashes, kind="stable")
    tensors = {"vectors": torch.from_numpy(np.ascontiguousarray(vectors)).to(DTYPES[store])}
    tensors |= {"id_hashes": torch.from_numpy(hashes[order]), "id_rows": torch.from_numpy(order.astype(np.int32))}
    tensors |= _blob("ids", "id_ends", ids)
    if texts is not None:
        tensors |= _blob("texts", "text_ends", texts)
    return bytes(safetensors.torch.save(tensors, {_ABOUT: json.dumps({"content": content, "rows": len(ids)})}))


def open_shard(path: Path, record: ShardRecord, dimension: int, store: VectorFormat) -> Shard:
    """Map a shard.

    Raises:
        DataError: it is not there, cut, or does not hold what the index says.
    """
    if not path.is_file():
        raise DataError(f"{path} is not there, and the index names it; copy it again, or build the index again")
    if (size := path.stat().st_size) != record.size:
        raise DataError(f"{path} has {size} bytes, and the index says {record.size}: it is cut or was changed; copy it again")
    tensors, n = map_tensors(path), record.rows
    vectors = tensors.get("vectors")
    if vectors is None or vectors.shape != (n, dimension) or vectors.dtype != DTYPES[store]:
        raise DataError(f"{path} does not hold {n} vectors of {dimension} dimensions in {store}, as the index says; build the index again")
    if any(len(tensors.get(name, ())) != n for name in ("id_ends", "id_hashes", "id_rows")) or "ids" not in tensors:
        raise DataError(f"{path} does not hold {n} ids, as the index says; build the index again")
    return Shard(watch(path), tensors)


def content_of_shard(path: Path) -> str | None:
    """Return which rows a shard that is in place holds, as `hash_rows`; None: it is not there, or not whole."""
    try:
        about = json.loads(read_metadata(path).get(_ABOUT, "{}"))
        map_tensors(path)
    except (DataError, ValueError):
        return None
    return about.get("content") if isinstance(about, dict) else None


def hash_rows(ids: Sequence[str], texts: Sequence[str]) -> str:
    """Return a sha256 of ids and texts in their order."""
    digest = hashlib.sha256()
    for part in (part for row in zip(ids, texts, strict=True) for part in row):
        content = _bytes(part)
        digest.update(len(content).to_bytes(8, "little"))
        digest.update(content)
    return digest.hexdigest()


def hash_ids(ids: Sequence[str]) -> NDArray[np.uint64]:
    """Return a number for each id, (n,): equal ones have one, and different ones nearly always different ones."""
    digests = b"".join(hashlib.blake2b(_bytes(each), digest_size=8).digest() for each in ids)
    return np.frombuffer(digests, "<u8").astype(np.uint64)


def _blob(name: str, ends: str, texts: Sequence[str]) -> dict[str, torch.Tensor]:
    parts = [_bytes(text) for text in texts]
    whole = np.frombuffer(b"".join(parts) or b"\0", np.uint8).copy()  # an empty tensor cannot be mapped
    return {name: torch.from_numpy(whole), ends: torch.tensor([len(part) for part in parts], dtype=torch.int64).cumsum(0)}


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")
