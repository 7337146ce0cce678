"""A cross-encoder over scores on disk: pairs of texts that were scored before are read, the others are scored and kept."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from ..encoders.cross_encoder import CrossEncoder, Logits
from ..events import QUIET, Events
from ..versions import distribution_versions
from .files import CacheFiles

_HASH_BYTES = 16
_SUFFIX = ".safetensors"
_PORTION = 512
"""Pairs that are scored between two writes: what a kill costs at most."""


@dataclass(slots=True)
class CachedCrossEncoder:
    """A cross-encoder and what it has scored.

    Attributes:
        network: Scores what is not kept.
        files: Where scores are kept.
    """

    network: CrossEncoder
    files: CacheFiles
    _known: dict[bytes, float] | None = field(default=None, init=False)

    @property
    def name(self) -> str:
        """What the user calls the cross-encoder."""
        return self.network.name

    def score(self, queries: Sequence[str], passages: Sequence[str], events: Events = QUIET) -> Logits:
        """Return the logit of each pair, (n,), each distinct pair being scored once; see `CrossEncoder.score`."""
        known = self._read() if self._known is None else self._known
        self._known = known
        pairs = [_hash_pair(*texts) for texts in zip(queries, passages, strict=True)]
        first = {pair: row for row, pair in reversed(list(enumerate(pairs)))}
        missing = sorted((row for pair, row in first.items() if pair not in known), key=lambda row: -len(queries[row]) - len(passages[row]))
        done = 0

        def report(batch: int) -> None:
            nonlocal done
            done += batch
            events.progress(f"scoring with {self.name}", done, len(missing), "pairs")

        for start in range(0, len(missing), _PORTION):
            rows = missing[start : start + _PORTION]
            logits = self.network.score([queries[row] for row in rows], [passages[row] for row in rows], report)
            known.update(zip((pairs[row] for row in rows), logits.tolist(), strict=True))
            self._write([pairs[row] for row in rows], logits)
        return np.array([known[pair] for pair in pairs], np.float32)

    def _read(self) -> dict[bytes, float]:
        known: dict[bytes, float] = {}
        for path in self._shards():
            try:
                shard = safetensors.numpy.load_file(path)
                if int(shard["sum"][0]) != _checksum(shard["pairs"], shard["logits"]):
                    raise ValueError("the checksums differ")
                known.update(zip(_split(shard["pairs"]), shard["logits"].tolist(), strict=True))
                self.files.mark_used(path)
            except FileNotFoundError:
                continue  # removed meanwhile by eviction
            except (OSError, ValueError, KeyError, IndexError, safetensors.SafetensorError):
                self.files.drop_damaged(path)
        return known

    def _write(self, pairs: Sequence[bytes], logits: Logits) -> None:
        hashes = np.frombuffer(b"".join(pairs), np.uint8).reshape(len(pairs), _HASH_BYTES)
        shard = {"pairs": hashes, "logits": logits, "sum": np.array([_checksum(hashes, logits)], np.uint32)}
        self.files.write(self._folder / f"{self._space()}-{uuid4().hex}{_SUFFIX}", safetensors.numpy.save(shard))

    def _shards(self) -> Iterator[Path]:
        with suppress(OSError):  # nothing was kept yet
            yield from sorted(path for path in self._folder.iterdir() if path.name.startswith(self._space()) and path.suffix == _SUFFIX)

    @property
    def _folder(self) -> Path:
        return self.files.folder / "pair-scores"

    def _space(self) -> str:
        """Return the name of all that a score depends on beside its texts, of the versions that compute it as well."""
        content = self.network.content() | {"software": distribution_versions("torch", "transformers")}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]


def _hash_pair(query: str, passage: str) -> bytes:
    read = query.encode("utf-8", "replace")
    digest = hashlib.blake2b(len(read).to_bytes(8, "little") + read, digest_size=_HASH_BYTES)  # with the length, no two pairs are alike
    digest.update(passage.encode("utf-8", "replace"))
    return digest.digest()


def _split(hashes: NDArray[np.uint8]) -> list[bytes]:
    content = hashes.tobytes()
    return [content[start : start + _HASH_BYTES] for start in range(0, len(content), _HASH_BYTES)]


def _checksum(hashes: NDArray[np.uint8], logits: Logits) -> int:
    return zlib.crc32(logits.astype(np.float32).tobytes(), zlib.crc32(hashes.tobytes()))
