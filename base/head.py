"""A projection head: a linear map of the pooled vector to another width, kept as sentence-transformers' Dense module."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import BaseError
from .json_files import read_json

if TYPE_CHECKING:
    import torch
    from torch import Tensor

FOLDER = "2_Dense"
"""Where it lies in a folder that adapt writes, between pooling and normalisation."""
WEIGHTS = "model.safetensors"
_WEIGHT, _BIAS = "linear.weight", "linear.bias"
_IDENTITY = "torch.nn.modules.linear.Identity"
_IDENTITIES = (_IDENTITY, "torch.nn.Identity")


@dataclass(frozen=True, eq=False, slots=True)
class Head:
    """A linear map: `weight`, (width, inputs) float32, and `bias`, (width,), or None."""

    weight: Tensor
    bias: Tensor | None = None

    @property
    def width(self) -> int:
        """How many numbers it gives."""
        return int(self.weight.shape[0])

    @property
    def inputs(self) -> int:
        """How many numbers it takes."""
        return int(self.weight.shape[1])

    @property
    def tensors(self) -> list[Tensor]:
        """Its weight, and its bias where it has one."""
        return [self.weight, *([] if self.bias is None else [self.bias])]

    def project(self, pooled: Tensor) -> Tensor:
        """Map pooled vectors: (n, inputs) -> (n, width)."""
        from torch.nn.functional import linear

        return linear(pooled, self.weight, self.bias)

    def copy(self, device: torch.device | str = "cpu") -> Head:
        """Return it on a device, without gradients; it shares nothing with this one."""
        bias = None if self.bias is None else self.bias.detach().to(device, copy=True)
        return Head(self.weight.detach().to(device, copy=True), bias)

    def sha256(self) -> str:
        """Return the hash of its shape and its numbers."""
        own = hashlib.sha256(repr([list(tensor.shape) for tensor in self.tensors]).encode())
        for tensor in self.tensors:
            own.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return own.hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadSpec:
    """A projection head that a folder states, or that is in memory.

    Attributes:
        inputs: How many numbers it takes.
        width: How many it gives.
        has_bias: Whether it adds something.
        folder: Where its numbers lie; None: in memory alone.
        held: In memory; None: they are read.
    """

    inputs: int
    width: int
    has_bias: bool = False
    folder: Path | None = None
    held: Head | None = field(default=None, compare=False)

    def load(self) -> Head:
        """Return the head, on the CPU in float32.

        Raises:
            BaseError: its file is missing or damaged, or does not hold what its configuration states.
        """
        if self.held is not None:
            return self.held
        assert self.folder is not None  # what is not in memory is on disk
        return _read(self, self.folder / WEIGHTS)


def head_spec(head: Head) -> HeadSpec:
    """Return a head in memory as an encoding names it."""
    return HeadSpec(inputs=head.inputs, width=head.width, has_bias=head.bias is not None, held=head)


def read_head(folder: Path, modules: Sequence[tuple[str, str]]) -> HeadSpec | None:
    """Return the head that a folder's list of modules names; None where it names none.

    Args:
        folder: Of the model, or of the adapter.
        modules: Its modules in their order, each by the last part of its type and its path.

    Raises:
        BaseError: there are several, it stands elsewhere than right after the pooling, or it is no linear map alone.

    Source: `Dense` of https://github.com/UKPLab/sentence-transformers (v6.2.0).
    """
    places = [number for number, (kind, _) in enumerate(modules) if kind == "Dense"]
    if not places:
        return None
    before = [kind for kind, _ in modules[: places[0]] if kind != "Dropout"]
    if len(places) > 1 or before[-1:] != ["Pooling"]:
        where = "more than once" if len(places) > 1 else f"after {before[-1] if before else 'nothing'}"
        raise BaseError(f"{folder / 'modules.json'} asks for a layer of type Dense {where}; expected at most one, right after the pooling")
    return _spec(folder / (modules[places[0]][1] or FOLDER))


def _spec(folder: Path) -> HeadSpec:
    where = folder / "config.json"
    config = read_json(where)
    if (activation := config.get("activation_function", "Tanh")) not in _IDENTITIES:
        raise BaseError(f"{where} has the activation {str(activation)[:80]}; adapt knows projection heads without one ({_IDENTITY})")
    odd = [
        key
        for key in ("module_input_name", "module_output_name")
        if config.get(key, "sentence_embedding") not in ("sentence_embedding", None)
    ]
    if odd or config.get("use_residual"):
        raise BaseError(f"{where} sets {odd[0] if odd else 'use_residual'}, which changes what the layer computes and is not supported")
    widths = [config.get(key) for key in ("in_features", "out_features")]
    if not all(isinstance(width, int) and not isinstance(width, bool) and width > 0 for width in widths):
        raise BaseError(f"{where} states in_features {widths[0]!r} and out_features {widths[1]!r}; expected whole numbers of at least 1")
    inputs, width = (int(each) for each in widths if isinstance(each, int))
    return HeadSpec(inputs=inputs, width=width, has_bias=bool(config.get("bias", True)), folder=folder.resolve())


def _read(spec: HeadSpec, path: Path) -> Head:
    from safetensors.torch import load

    try:
        tensors = {name: tensor.float() for name, tensor in load(path.read_bytes()).items()}
    except FileNotFoundError:
        raise BaseError(
            f"{path} is missing, which holds the numbers of a projection head; copy it there from where the folder came from"
        ) from None
    except Exception as e:  # safetensors raises its own error for what is damaged, and OSError passes through
        raise BaseError(f"{path} is damaged ({next(iter(str(e).splitlines()), type(e).__name__)}); restore it from a copy") from e
    expected = {_WEIGHT: (spec.width, spec.inputs)} | ({_BIAS: (spec.width,)} if spec.has_bias else {})
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if found != expected or not all(bool(tensor.isfinite().all()) for tensor in tensors.values()):
        raise BaseError(f"{path} holds {found}; expected finite numbers of {expected}, as its config.json states")
    return Head(tensors[_WEIGHT], tensors.get(_BIAS))


def dense_files(head: Head) -> tuple[dict[str, object], bytes]:
    """Return what sentence-transformers' Dense module is read from: its `config.json`, and its `model.safetensors` in float32."""
    from safetensors.torch import save

    config = {"in_features": head.inputs, "out_features": head.width, "bias": head.bias is not None, "activation_function": _IDENTITY}
    tensors = dict(zip((_WEIGHT, _BIAS), (tensor.float().contiguous() for tensor in head.copy().tensors), strict=False))
    return config, save(tensors, metadata={"format": "pt"})


def joined_sha256(network: str, head: Head | None) -> str:
    """Return the hash of what runs a network, by its own hash, and of what maps its vectors; without a head, its own."""
    return network if head is None else hashlib.sha256(f"{network} {head.sha256()}".encode()).hexdigest()
