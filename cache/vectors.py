"""Vectors on disk, by the space they lie in and a hash of their text.

A shard is a safetensors file of one space, written once: `texts` (n, 16) hashes, `is_cut` (n,), `sums` (n,) checksums and `vectors`
(n, d). Vectors are kept in float32: half the precision would halve the files, but a score from kept vectors would then differ from the
first one, or the first one from mteb's own.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pathlib import Path

    from ..encoders.protocol import Vectors
    from .files import CacheFiles

_HASH_BYTES = 16
_SUFFIX = ".safetensors"


@dataclass(frozen=True, slots=True)
class FoundVectors:
    """What was found of some texts: their rows among those asked for, (m,); their vectors, (m, d); and whether each was truncated, (m,)."""

    rows: NDArray[np.int64]
    vectors: Vectors
    is_cut: NDArray[np.bool_]


@dataclass(slots=True)
class VectorStore:
    """The kept vectors. `found` and `added` count the distinct texts that were had from here and put here."""

    files: CacheFiles
    found: int = 0
    added: int = 0

    def find(self, space: str, texts: Sequence[str], dimension: int) -> FoundVectors:
        """Return the vectors that are here of distinct texts; a shard that is damaged is removed, and its vectors count as absent."""
        missing = {hash_text(text): row for row, text in enumerate(texts)}
        parts = [FoundVectors(np.empty(0, np.int64), np.empty((0, dimension), np.float32), np.empty(0, np.bool_))]
        for path in self._shards(space):
            if not missing:
                break
            if (part := self._read(path, missing, dimension)) is not None:
                parts.append(part)
                self.files.mark_used(path)
        found = FoundVectors(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("rows", "vectors", "is_cut")))
        self.found += len(found.rows)
        return found

    def holds(self, space: str, texts: Sequence[str]) -> NDArray[np.bool_]:
        """Return for each text whether its vector is here, (n,); nothing is read but the shards' lists of texts."""
        here: set[bytes] = set()
        for path in self._shards(space):
            with suppress(OSError, safetensors.SafetensorError), safetensors.safe_open(path, framework="numpy") as shard:
                here.update(_hashes(shard.get_tensor("texts")))
        return np.array([hash_text(text) in here for text in texts], np.bool_)

    def add(self, space: str, texts: Sequence[str], vectors: Vectors, is_cut: NDArray[np.bool_], *, name: str | None = None) -> None:
        """Keep vectors, (n, d), as one shard; `name` as `shard_path` takes it, None: one that nobody asks for."""
        hashes = [hash_text(text) for text in texts]
        shard = {
            "texts": np.frombuffer(b"".join(hashes), np.uint8).reshape(len(hashes), _HASH_BYTES),
            "is_cut": is_cut.astype(np.uint8),
            "sums": _checksums(hashes, is_cut, vectors),
            "vectors": np.ascontiguousarray(vectors, np.float32),
        }
        self.files.write(self.shard_path(space, name or uuid4().hex), safetensors.numpy.save(shard))
        self.added += len(texts)

    def shard_path(self, space: str, name: str) -> Path:
        """Return where a shard lies; of a part of a corpus, `corpus_name` is its name."""
        return self._folder / f"{space}-{name}{_SUFFIX}"

    @property
    def _folder(self) -> Path:
        return self.files.folder / "vectors"

    def _shards(self, space: str) -> Iterator[Path]:
        with suppress(OSError):  # nothing was kept yet
            yield from sorted(path for path in self._folder.iterdir() if path.name.startswith(space) and path.suffix == _SUFFIX)

    def _read(self, path: Path, missing: dict[bytes, int], dimension: int) -> FoundVectors | None:
        """Return what a shard has of the missing texts, which then are missing no more; None: nothing."""
        try:
            with safetensors.safe_open(path, framework="numpy") as shard:
                hashes = _hashes(shard.get_tensor("texts"))
                first = {text: row for row, text in reversed(list(enumerate(hashes))) if text in missing}  # a corpus may repeat a text
                own = sorted(first.values())
                if not own:
                    return None
                vectors, is_cut, sums = (shard.get_tensor(name)[own] for name in ("vectors", "is_cut", "sums"))
            taken = [hashes[row] for row in own]
            if vectors.shape[1:] != (dimension,) or not np.array_equal(_checksums(taken, is_cut, vectors), sums):
                raise ValueError("the checksums differ")
        except FileNotFoundError:
            return None  # removed meanwhile by eviction
        except (OSError, ValueError, IndexError, safetensors.SafetensorError):
            self.files.drop_damaged(path)
            return None
        rows = np.array([missing.pop(text) for text in taken], np.int64)
        return FoundVectors(rows, vectors, is_cut.astype(np.bool_))


def corpus_name(texts: Sequence[str]) -> str:
    """Return the name of the shard that holds these texts in this order."""
    return hashlib.sha256(b"".join(map(hash_text, texts))).hexdigest()[:32]


def is_sound(name: str, dimension: int, shard: Mapping[str, NDArray[Any]]) -> bool:
    """Return whether a shard has the texts that its name says, a vector of each, and the checksums that were written."""
    texts, is_cut, sums, vectors = (shard.get(each) for each in ("texts", "is_cut", "sums", "vectors"))
    if texts is None or is_cut is None or sums is None or vectors is None or vectors.dtype != np.float32:
        return False
    is_named = hashlib.sha256(texts.tobytes()).hexdigest()[:32] == name
    has_shape = len(texts) == len(is_cut) == len(sums) and vectors.shape == (len(texts), dimension)
    return is_named and has_shape and np.array_equal(_checksums(_hashes(texts), is_cut, vectors), sums)


def hash_text(text: str) -> bytes:
    """Return the 16 bytes that a text is known by; lone surrogates are replaced, as the encoder does."""
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=_HASH_BYTES).digest()


def _hashes(texts: NDArray[np.uint8]) -> list[bytes]:
    content = texts.tobytes()
    return [content[start : start + _HASH_BYTES] for start in range(0, len(content), _HASH_BYTES)]


def _checksums(hashes: Collection[bytes], is_cut: NDArray[np.generic], vectors: Vectors) -> NDArray[np.uint32]:
    """Return a checksum of each text's hash, mark and vector, (n,)."""
    rows = zip(hashes, is_cut.astype(np.uint8), np.ascontiguousarray(vectors, np.float32), strict=True)
    return np.array([zlib.crc32(row.tobytes(), zlib.crc32(text + bytes([cut]))) for text, cut, row in rows], np.uint32)
