"""One file of stored states: some texts' hidden states one after another, without padding, mapped into memory when they are read.

A safetensors file, written once: `keys` (n, 16) uint8, what each text is known by; `ends` (n,) int64, where its rows end; `states` (tokens, d),
in the precision that they were computed in; `sum` (1,) int64, a checksum of the others.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from ...errors import DataError
from ...index.mapped import WatchedFile, map_tensors, watch

BYTES_PER_TEXT = 24
"""What a text takes beside its states."""


@dataclass(frozen=True, slots=True, eq=False)
class Shard:
    """A shard that is mapped. `rows`: what each text is known by -> its first row and the row behind its last one."""

    file: WatchedFile
    states: Tensor
    rows: Mapping[bytes, tuple[int, int]]

    def of(self, key: bytes) -> Tensor:
        """Return the states of a text, (tokens, d)."""
        return self.states[slice(*self.rows[key])]


def shard_bytes(keys: Sequence[bytes], states: Sequence[Tensor]) -> bytes:
    """Return the content of a shard's file: texts by their keys, and the states of each, (tokens, d)."""
    shard = {
        "keys": torch.frombuffer(bytearray(b"".join(keys)), dtype=torch.uint8).view(len(keys), -1),
        "ends": torch.tensor([len(each) for each in states]).cumsum(0),
        "states": torch.cat(list(states)).contiguous(),
    }
    content: bytes = safetensors.torch.save(shard | {"sum": torch.tensor([_checksum(shard)])})
    return content


def open_shard(path: Path, wanted: Collection[bytes]) -> Shard | None:
    """Map a shard that has some of the wanted texts, and compare it with its checksum; None: it has none of them.

    Raises:
        DataError: it is damaged.
        OSError: it is not there.
    """
    file, tensors = watch(path), map_tensors(path)
    if not {"keys", "ends", "states", "sum"} <= tensors.keys():
        raise DataError(f"{path} is damaged: it is not a whole shard")
    keys, width = tensors["keys"].numpy().tobytes(), tensors["keys"].shape[1]
    names = [keys[start : start + width] for start in range(0, len(keys), width)]
    if set(names).isdisjoint(wanted):
        return None
    file.is_same = partial(_is_sound, tensors)  # what only touches a file, as other processes do that use it, changes nothing
    if not file.is_same():
        raise DataError(f"{path} is damaged: its checksum differs")
    ends = tensors["ends"].tolist()
    return Shard(file, tensors["states"], dict(zip(names, itertools.pairwise([0, *ends]), strict=True)))


def _is_sound(tensors: Mapping[str, Tensor]) -> bool:
    return len(tensors["ends"]) == len(tensors["keys"]) and int(tensors["sum"]) == _checksum(tensors)


def _checksum(tensors: Mapping[str, Tensor]) -> int:
    found = 0
    for name in ("keys", "ends", "states"):
        found = zlib.crc32(tensors[name].view(torch.uint8).numpy().data, found)
    return found
