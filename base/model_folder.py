"""A network with its tokenizer as a folder that sentence-transformers, transformers and adapt open as any other model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from .fingerprint import WEIGHTS, weight_files
from .json_files import read_json
from .sentence_files import write_json, write_sentence_files

if TYPE_CHECKING:
    from torch import Tensor

    from .load import Base

_OF_A_PLACE = ("_name_or_path", "torch_dtype", "dtype", "transformers_version", "auto_map")


def write_model(base: Base, folder: Path, parameters: Mapping[str, Tensor] | None = None) -> None:
    """Write the weights as they stand in memory, in float32, and everything beside them.

    Args:
        base: The network, and how texts go in.
        folder: An empty folder.
        parameters: What is written in place of the network's own, by name; None: nothing.

    Raises:
        ValueError: a parameter is none of the network's, or has another shape.
    """
    from safetensors.torch import save

    tensors = _tensors(base)
    for name, tensor in (parameters or {}).items():
        if name not in tensors or tensors[name].shape != tensor.shape:
            raise ValueError(f"{name} {tuple(tensor.shape)} is not a parameter of {base.spec.name}")
        tensors[name] = tensor.detach().float().contiguous()
    write_frame(base, folder)
    (folder / WEIGHTS).write_bytes(save(tensors, metadata={"format": "pt"}))


def write_frame(base: Base, folder: Path) -> None:
    """Write all but the weights: configuration, tokenizer, pooling, normalisation, prompts and lengths."""
    write_sentence_files(base, folder)
    config = {key: value for key, value in read_json(base.spec.folder / "config.json").items() if key not in _OF_A_PLACE}
    write_json(folder / "config.json", config | {"architectures": [type(base.model).__name__], "dtype": "float32"})


def _tensors(base: Base) -> dict[str, Tensor]:
    """Return the network's tensors by name; a pooler that the base's file lacks was drawn at random when it was loaded, and is left out."""
    from safetensors import safe_open

    tensors = {name: tensor.detach().contiguous() for name, tensor in base.model.state_dict().items()}
    stored: set[str] = set()
    for path in weight_files(base.spec.folder):
        with safe_open(path, framework="pt") as file:
            stored.update(file.keys())  # type: ignore[no-untyped-call]
    has_pooler = any("pooler." in name for name in stored)
    return {name: tensor for name, tensor in tensors.items() if has_pooler or not name.startswith("pooler.")}
