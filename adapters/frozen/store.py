"""The shards of one space in the user's cache: found, and filled with the states that are missing. A kill costs one shard."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout
from torch import Tensor

from ...cache import CacheFiles
from ...encoders.forward import TokenIdsOfText
from ...encoders.quick import quick_network
from ...errors import DataError
from ...events import Events
from .shards import open_shard, shard_bytes
from .stored import FrozenStates

SHARD_BYTES = 32_000_000
"""Of a shard's states: what a kill costs at most, a few seconds of a processor."""
_SUFFIX = ".safetensors"
_DOING = "computing the frozen layers"

TextsByKey = Mapping[bytes, TokenIdsOfText]
"""What each text is known by -> its token ids."""


@dataclass(frozen=True, slots=True)
class StateStore:
    """The shards of a space.

    Attributes:
        files: What they are among.
        space: What their states depend on beside the texts.
    """

    files: CacheFiles
    space: str

    @property
    def folder(self) -> Path:
        """Where the shards of all spaces lie."""
        return self.files.folder / "states"

    def find(self, states: FrozenStates, texts: TextsByKey) -> TextsByKey:
        """Map the shards that have some of the texts, and return the texts that are in none; a damaged shard is removed."""
        missing = {key: ids for key, ids in texts.items() if not states.holds(key)}
        for path in self._paths():
            try:
                shard = open_shard(path, missing)
            except DataError:
                self.files.drop_damaged(path)
            except OSError:
                continue  # removed meanwhile by eviction
            else:
                if shard is not None:
                    self.files.mark_used(path)
                    states.add(shard)
        return {key: ids for key, ids in texts.items() if not states.holds(key)}

    def fill(self, states: FrozenStates, texts: TextsByKey, events: Events) -> None:
        """Compute and keep what is not kept of some texts. Another process that is at it is waited for.

        What cannot be written is left out, and is the files' `problem`.
        """
        with self._alone(events):
            missing = self.find(states, texts)
            done = len(texts) - len(missing)
            for part in self._computed(states, missing):
                done += len(part)
                events.progress(_DOING, done, len(texts))
                self._keep(states, part)
                if self.files.problem is not None:
                    return

    def _keep(self, states: FrozenStates, part: Mapping[bytes, Tensor]) -> None:
        path = self.folder / f"{self.space}-{hashlib.sha256(b''.join(part)).hexdigest()[:32]}{_SUFFIX}"
        self.files.write(path, shard_bytes(list(part), list(part.values())))
        with suppress(DataError, OSError):  # removed meanwhile, by a cache that is too small
            if (shard := open_shard(path, part)) is not None:
                states.add(shard)

    def _computed(self, states: FrozenStates, missing: TextsByKey) -> Iterator[dict[bytes, Tensor]]:
        """Give the states of texts, a shard at a time, the longest first: what a kill leaves is cut into the batches that it would have been."""
        part, size = dict[bytes, Tensor](), 0
        for batch in states.compute_all(missing):
            part |= batch
            size += sum(each.numel() * each.element_size() for each in batch.values())
            if size >= SHARD_BYTES:
                yield part
                part, size = {}, 0
        if part:
            yield part

    @contextmanager
    def _alone(self, events: Events) -> Iterator[None]:
        """Keep other processes from computing the same; where the folder takes no lock, they may."""
        lock = FileLock(self.folder / f"{self.space}.lock")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                lock.acquire(blocking=False)
            except Timeout:
                events.stage("waiting for another process that computes the same frozen layers")
                lock.acquire()
        except OSError as e:
            self.files.problem = f"{self.folder} cannot be written: {e.strerror or e}"
        try:
            yield
        finally:
            lock.release()

    def _paths(self) -> list[Path]:
        with suppress(OSError):  # nothing was kept yet
            return sorted(path for path in self.folder.iterdir() if path.name.startswith(self.space) and path.suffix == _SUFFIX)
        return []


def bytes_per_token(states: FrozenStates, text: TokenIdsOfText) -> int:
    """Return the bytes that the states of one token take: those of a text are computed."""
    with quick_network(states.base, states.precision, has_gradients=True):
        row = states.compute([text])[0][0]
    return row.numel() * row.element_size()
