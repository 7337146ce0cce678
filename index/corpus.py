"""The vectors of a corpus, computed once: shards of the cache of vectors that lie in the corpus's order, and so can be mapped.

The cache (`cache/vectors.py`) is the store: a shard written here has the cache's own layout and is found by everything that looks there,
a bench above all, and what that computed is copied from there. What is added is the order, so that a matrix product reads the
shard's pages as they are. A shard's name is the hash of its texts: corpora that begin alike share theirs.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from ..cache import CacheFiles, describe_size, open_cache_files
from ..cache.encoders import CachedNetwork
from ..cache.space import vector_space
from ..cache.vectors import VectorStore, corpus_name, is_sound
from ..choices import Role
from ..encoders.protocol import Encoded
from ..encoders.tokens import check_texts
from ..errors import ConfigError, DataError
from ..events import QUIET, Events
from ..plurals import count, format_size
from .mapped import WatchedFile, map_tensors, watch
from .minutes import note_minutes
from .vectors import StoredVectors

if TYPE_CHECKING:
    from ..encoders.protocol import NetworkEncoder

SHARD_TEXTS = 2048
"""Texts of a shard: what a kill costs at most, and what texts of like length are batched from."""
_BYTES_PER_TEXT = 32  # beside its vector: its hash, mark and checksum
_SPARE_BYTES = 200_000_000  # what is left free on the disk
MOST_OF_CACHE = 0.8  # of what the cache may hold: a corpus that takes more would drive itself out


def corpus_vectors(
    encoder: NetworkEncoder,
    texts: Sequence[str],
    events: Events = QUIET,
    *,
    role: Role = "document",
    files: CacheFiles | None = None,
) -> StoredVectors:
    """Return the vectors of a corpus in its order: those that are kept, and the others computed and kept. A kill costs one shard.

    Args:
        encoder: One network, with an adapter or without.
        texts: The corpus, at least one.
        events: Receives the progress, how large the vectors are and how long they take.
        role: Of the texts.
        files: Where they are kept; None: the user's cache.

    Raises:
        ConfigError: the disk, or what the cache may hold, is too small.
        DataError: there is no text, or one is not a string.
    """
    check_texts(texts, role)
    if not texts:
        raise DataError("the corpus is empty; expected at least one text")
    network = encoder.network if isinstance(encoder, CachedNetwork) else encoder
    files = files or (encoder.store.files if isinstance(encoder, CachedNetwork) else open_cache_files())
    corpus = _Corpus(network, role, VectorStore(files), vector_space(network, role))
    shards = [texts[start : start + SHARD_TEXTS] for start in range(0, len(texts), SHARD_TEXTS)]
    names = [corpus_name(shard) for shard in shards]
    found = {name: part for name in dict.fromkeys(names) if (part := corpus.find(name)) is not None}
    missing = {name: shard for name, shard in zip(names, shards, strict=True) if name not in found}
    if missing:
        _check_space(files, texts, missing, network.dimension, events)
        found |= corpus.compute(missing, events)
    return StoredVectors(
        parts=tuple(found[name].vectors for name in names),
        count=len(texts),
        dimension=network.dimension,
        content=hashlib.sha256("\n".join([corpus.space, *names]).encode()).hexdigest(),
        files=tuple(part.file for part in found.values() if part.file is not None),
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """The vectors of a shard, (n, d), and its file; None where it could not be written, and lies in memory."""

    vectors: torch.Tensor
    file: WatchedFile | None


@dataclass(frozen=True, slots=True)
class _Corpus:
    """The shards of one encoder's vectors in a store."""

    network: NetworkEncoder
    role: Role
    store: VectorStore
    space: str

    def find(self, name: str) -> _Part | None:
        """Map a shard; None: it is not kept, or was damaged, and is removed then."""
        path, files = self.store.shard_path(self.space, name), self.store.files
        if not path.is_file():
            return None
        try:
            files.mark_used(path)
            tensors = map_tensors(path)
            is_same = partial(is_sound, name, self.network.dimension, {key: tensor.numpy() for key, tensor in tensors.items()})
            file = watch(path, is_same)  # other processes mark it as used
            if not is_same():
                raise DataError("the checksums differ")
        except FileNotFoundError:
            return None  # removed meanwhile by eviction
        except (DataError, OSError):
            files.drop_damaged(path)
            return None
        return _Part(tensors["vectors"], file)

    def compute(self, missing: Mapping[str, Sequence[str]], events: Events) -> dict[str, _Part]:
        """Compute shards in their order, each being written when it is whole."""
        total, done = sum(map(len, missing.values())), 0
        note_minutes(self.network, next(iter(missing.values())), self.role, total, events)

        def report(texts: int) -> None:
            nonlocal done
            done += texts
            events.progress("embedding the corpus" if self.role == "document" else "embedding the queries", done, total)

        kept = self.store.holds(self.space, [text for texts in missing.values() for text in texts])
        found: dict[str, _Part] = {}
        before: set[str] = set()  # a text that comes again has its first vector, as after a kill
        for name, texts in missing.items():
            begun = done
            is_kept = bool(kept[begun : begun + len(texts)].any()) or not before.isdisjoint(texts)
            encoded = self._encode(texts, report, is_kept=is_kept)
            before.update(texts)
            self.store.add(self.space, texts, encoded.vectors, encoded.is_cut, name=name)
            found[name] = self.find(name) or _Part(torch.from_numpy(encoded.vectors), None)
        return found

    def _encode(self, texts: Sequence[str], report: Callable[[int], None], *, is_kept: bool) -> Encoded:
        """Return the vectors of a shard, those of the store being taken from there, and each distinct text computed once."""
        row_of = {text: row for row, text in enumerate(dict.fromkeys(texts))}
        distinct = list(row_of)
        vectors, is_cut = np.empty((len(distinct), self.network.dimension), np.float32), np.zeros(len(distinct), np.bool_)
        missing = np.ones(len(distinct), np.bool_)
        if is_kept:
            found = self.store.find(self.space, distinct, self.network.dimension)
            vectors[found.rows], is_cut[found.rows], missing[found.rows] = found.vectors, found.is_cut, False
        rows = np.flatnonzero(missing)
        report(len(texts) - len(rows))
        if len(rows):
            computed = self.network.encode([distinct[row] for row in rows], self.role, on_batch=report)
            vectors[rows], is_cut[rows] = computed.vectors, computed.is_cut
        wanted = [row_of[text] for text in texts]
        return Encoded(vectors[wanted], is_cut[wanted])


def _check_space(files: CacheFiles, texts: Sequence[str], missing: Mapping[str, Sequence[str]], dimension: int, events: Events) -> None:
    """Report how large the vectors are, and refuse where they do not fit.

    Raises:
        ConfigError: the disk has too little space, or the cache may hold too little.
    """
    row = dimension * 4 + _BYTES_PER_TEXT
    whole, new = len(texts) * row, sum(map(len, missing.values()))
    events.note(
        f"the vectors of {count(len(texts), 'text')} take {format_size(whole)} in {files.folder}; {format_size(new * row)} of it is new"
    )
    if whole > files.max_bytes * MOST_OF_CACHE:
        raise ConfigError(
            f"the vectors of {count(len(texts), 'text')} take {format_size(whole)}, and the cache may hold {describe_size(files.max_bytes)}; "
            "set ADAPT_CACHE_SIZE higher, or make an index of your own (adapt index build) and name it with --index"
        )
    check_disk(files.folder, new * row)


def check_disk(folder: Path, size: int) -> None:
    """Refuse to write so many bytes where the disk has too little space for them.

    Raises:
        ConfigError: it has.
    """
    there = next(each for each in (folder, *folder.parents) if each.is_dir())
    free = shutil.disk_usage(there).free
    if size + _SPARE_BYTES > free:
        raise ConfigError(
            f"{folder} would take {format_size(size)}, and its disk has {format_size(free)} free; free some space, or choose another folder"
        )
