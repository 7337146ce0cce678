"""Files as tensors without reading them: the pages of the file are the tensor's memory, and come when they are touched."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..errors import DataError

_LENGTH_BYTES = 8  # before the header of a safetensors file
_LONGEST_HEADER = 100_000_000  # bytes, as the format has it
_DTYPES = {
    "F32": torch.float32,
    "F64": torch.float64,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "U8": torch.uint8,
    "U32": torch.uint32,
    "U64": torch.uint64,
    "I32": torch.int32,
    "I64": torch.int64,
}
"""The names of a safetensors header -> types of numbers; what has another one is left out."""


@dataclass(slots=True)
class WatchedFile:
    """A file that is mapped, and whether it is still what was mapped.

    Attributes:
        path: Where it lies.
        state: What changes with its content: size, times of modification and change, inode.
        is_same: Compares the content with what it was; None: a file that was touched counts as changed.
    """

    path: Path
    state: tuple[int, ...]
    is_same: Callable[[], bool] | None = None

    def problem(self) -> str | None:
        """Return what happened to the file since; None: nothing.

        What can compare its content (`is_same`) may be touched, and may be removed: the pages that are mapped stay.
        """
        try:
            now = _state(self.path)
        except OSError:
            return None if self.is_same else "is not there any more"
        if now == self.state:
            return None
        is_cut = now[0] < self.state[0] and now[-1] == self.state[-1]  # whoever reads what is cut off is killed
        if is_cut or self.is_same is None or not self.is_same():
            return "was written anew"
        self.state = now
        return None


def watch(path: Path, is_same: Callable[[], bool] | None = None) -> WatchedFile:
    """Return a file with its state; OSError: it is not there."""
    return WatchedFile(path, _state(path), is_same)


def _state(path: Path) -> tuple[int, ...]:
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino


def map_bytes(path: Path) -> torch.Tensor:
    """Return a file as a tensor of bytes, (n,) uint8. The map is private: what would be written to it never reaches the file.

    Raises:
        DataError: it cannot be read, or is empty.
    """
    try:
        size = path.stat().st_size
        if not size:
            raise DataError(f"{path} is empty; expected vectors")
        return torch.from_file(os.fspath(path), shared=False, size=size, dtype=torch.uint8)
    except (OSError, RuntimeError) as e:
        raise DataError(f"{path} cannot be read: {getattr(e, 'strerror', None) or str(e).splitlines()[0]}") from e


def map_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of a safetensors file, each a view of its pages.

    Raises:
        DataError: it cannot be read, is cut or is of another kind.
    """
    content = map_bytes(path)
    header, start = _header(path, content)
    found = {}
    for name, about in header.items():
        if name == "__metadata__" or about.get("dtype") not in _DTYPES:
            continue
        dtype, shape, (first, last) = _DTYPES[about["dtype"]], about["shape"], about["data_offsets"]
        data = content[start + first : start + last]
        if len(data) != last - first or (start + first) % dtype.itemsize:
            raise DataError(f"{path} is cut: it has {len(content)} bytes, and {name} ends at {start + last}; copy it again")
        found[name] = data.view(dtype).view(shape)
    return found


def read_metadata(path: Path) -> dict[str, str]:
    """Return the texts that a safetensors file has beside its tensors; raises as `map_tensors`."""
    header, _ = _header(path, map_bytes(path))
    found: dict[str, str] = header.get("__metadata__", {})
    return found


def _header(path: Path, content: torch.Tensor) -> tuple[dict[str, Any], int]:
    """Return the header of a safetensors file, and where its tensors begin."""
    length = int.from_bytes(bytes(content[:_LENGTH_BYTES].tolist()), "little")
    end = _LENGTH_BYTES + length
    if len(content) < _LENGTH_BYTES or length > _LONGEST_HEADER or end > len(content):
        raise DataError(f"{path} is not a whole safetensors file: it is cut, or of another kind")
    try:
        header = json.loads(content[_LENGTH_BYTES:end].numpy().tobytes())
        if not isinstance(header, dict):
            raise ValueError("the header is not an object")
    except ValueError as e:
        raise DataError(f"{path} is not a safetensors file: {e}") from e
    return header, end
