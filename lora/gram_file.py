"""Gram matrices from and to the file beside an adapter's weights. Modules that read the same input share one matrix on disk."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ..errors import AdapterError
from .grams import FullGram, LowRankGram, StoredGram, StoredGrams

GRAMS = "grams.safetensors"
_FORMAT = 1
_DTYPES = {"upper": torch.float32, "diagonal": torch.float32, "values": torch.float32, "vectors": torch.float16}
_SPELLING = {torch.float32: "F32", torch.float16: "F16"}


class GramFile(Mapping[str, Tensor]):
    """The Gram matrices of an adapter's folder, (in, in) float32 by module name, each read and made dense when it is asked for."""

    def __init__(self, folder: Path) -> None:
        """Read what the file says of itself; no matrix is read.

        Raises:
            AdapterError: the file is absent or damaged.
        """
        self._path = folder / GRAMS
        try:
            with safe_open(self._path, framework="pt") as file:
                metadata = file.metadata() or {}
            header = json.loads(metadata.get("grams", "null"))
        except (OSError, SafetensorError, ValueError) as e:
            raise self._damage(str(e)) from e
        modules = header.get("modules") if isinstance(header, dict) else None
        if not isinstance(modules, dict) or not modules or not all(isinstance(each, str) and each in modules for each in modules.values()):
            raise self._damage("it does not state its modules")
        if header.get("format") != _FORMAT:
            raise AdapterError(f"{self._path} has format {header.get('format')}, and this version reads {_FORMAT}; upgrade adapt-embed")
        self.readers: dict[str, str] = modules  # module -> the module under whose name its matrix lies

    def __len__(self) -> int:
        return len(self.readers)

    def __iter__(self) -> Iterator[str]:
        return iter(self.readers)

    def __getitem__(self, name: str) -> Tensor:
        """Return a module's Gram matrix, (in, in) float32.

        Raises:
            AdapterError: it is damaged.
        """
        return self.stored(name).dense()

    def stored(self, name: str) -> StoredGram:
        """Return a module's Gram matrix as it is kept.

        Raises:
            AdapterError: it is damaged.
        """
        first = self.readers[name]
        try:
            with safe_open(self._path, framework="pt") as file:
                found = {field: file.get_tensor(f"{first}.{field}") for field in _DTYPES if f"{first}.{field}" in set(file.keys())}
        except (OSError, SafetensorError) as e:
            raise self._damage(str(e)) from e
        if not _fits(found) or any(tensor.dtype != _DTYPES[field] or not tensor.isfinite().all() for field, tensor in found.items()):
            raise self._damage(f"no whole Gram matrix of {first}")
        return FullGram(**found) if "upper" in found else LowRankGram(**found)

    def _damage(self, what: str) -> AdapterError:
        return AdapterError(f"{self._path} is damaged ({what}); restore it from a copy, or train again with --gram-rank")


def write_grams(grams: StoredGrams, path: Path) -> None:
    """Write Gram matrices; the same ones give the same bytes."""
    tensors = {name: tensor.contiguous() for name, tensor in _tensors(grams).items()}
    path.write_bytes(save(tensors, metadata={"grams": _header(grams)}))


def grams_bytes(grams: StoredGrams) -> int:
    """Return the size of the file that `write_grams` writes; the matrices may be blank."""
    tensors, offset = _tensors(grams), 0
    header: dict[str, object] = {"__metadata__": {"grams": _header(grams)}}
    for name, tensor in tensors.items():
        header[name] = {
            "dtype": _SPELLING[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [offset, offset := offset + tensor.nbytes],
        }
    length = len(json.dumps(header, separators=(",", ":")))
    return 8 + -(-length // 8) * 8 + offset  # a header is filled up to a multiple of 8


def _tensors(grams: StoredGrams) -> dict[str, Tensor]:
    first = set(_readers(grams).values())
    return {
        f"{name}.{field}": getattr(gram, field)
        for name, gram in sorted(grams.items())
        if name in first
        for field in _DTYPES
        if hasattr(gram, field)
    }


def _readers(grams: StoredGrams) -> dict[str, str]:
    """Return module -> the first by name of those that hold the same object."""
    first: dict[int, str] = {}
    return {name: first.setdefault(id(gram), name) for name, gram in sorted(grams.items())}


def _header(grams: StoredGrams) -> str:
    return json.dumps({"format": _FORMAT, "modules": _readers(grams)}, separators=(",", ":"))


def _fits(found: Mapping[str, Tensor]) -> bool:
    """Return whether tensors make one Gram matrix in one of the two forms."""
    shapes = {field: tuple(tensor.shape) for field, tensor in found.items()}
    if shapes.keys() == {"upper"}:
        (count,) = shapes["upper"] if len(shapes["upper"]) == 1 else (0,)
        width = FullGram(found["upper"]).width if count else 0
        return count > 0 and count == width * (width + 1) // 2
    if shapes.keys() != {"diagonal", "values", "vectors"} or len(shapes["vectors"]) != 2:
        return False
    rank, width = shapes["vectors"]
    return shapes["diagonal"] == (width,) and shapes["values"] == (rank,) and bool((found["values"] >= 0).all())
