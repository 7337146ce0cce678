"""Changed biases of an adapter's folder: their differences and the base's own values in a file of their own, their sums where peft reads them.

peft's `bias="all"` keeps biases as they are after training, which says nothing of a difference without the base at hand. `biases.safetensors`
therefore holds both parts of the sum, in float32, and the sum in peft's file is theirs to the bit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ..errors import AdapterError
from .factors import BIAS, LoraFactors, LoraModule, bias_update, is_bias

BIASES = "biases.safetensors"
_FORMAT = 1
_DIFFERENCE, _OWN = "difference.", "base."


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnBiases:
    """What of a base stands beside differences of its biases.

    Attributes:
        values: Name of a bias -> the base's own values, (n,) float32.
        filler: A linear module and its shape, (out, in): it gets factors of zero where no matrix is changed, because peft needs one.
    """

    values: Mapping[str, Tensor]
    filler: tuple[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class BiasFile:
    """The file with the changed biases of a folder, each read when it is asked for.

    Attributes:
        path: Where it lies.
        widths: Name of a bias -> n.
        filler: The module whose factors in peft's file are zero and no part of the adapter; None: all factors there are its own.
    """

    path: Path
    widths: Mapping[str, int]
    filler: str | None

    def own(self, name: str) -> Tensor:
        """Return the base's own values of a bias, (n,) float32.

        Raises:
            AdapterError: the file is damaged.
        """
        return self._read(_OWN + name)

    def difference(self, name: str) -> Tensor:
        """Return by what a bias is changed, (n,) float32; raises as `own`."""
        return self._read(_DIFFERENCE + name)

    def update(self, name: str, stored: Tensor) -> LoraModule:
        """Return the change of a bias as an update.

        Args:
            name: The bias.
            stored: What peft's file has for it.

        Raises:
            AdapterError: a value is not finite, or peft's file holds another sum.
        """
        own, difference = self.own(name), self.difference(name)
        if not (own.isfinite().all() and difference.isfinite().all()):
            raise AdapterError(f"{self.path} holds values that are not finite for {name}; restore it from a copy, or train it again")
        if not torch.equal(own + difference, stored.float()):
            raise AdapterError(
                f"{self.path} and the weights beside it say different things of {name}; one of the two files is of another training, "
                "restore the folder from a copy"
            )
        return bias_update(difference)

    def _read(self, key: str) -> Tensor:
        try:
            with safe_open(self.path, framework="pt") as file:
                tensor: Tensor = file.get_tensor(key)
        except (OSError, SafetensorError) as e:
            raise _damage(self.path, str(e)) from e
        return tensor


def open_biases(folder: Path) -> BiasFile | None:
    """Read what a folder's file of biases says of itself; None where the folder has none.

    Raises:
        AdapterError: it is damaged, or of a newer format.
    """
    path = folder / BIASES
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {}).get("biases", "null"))
            slices = {key: file.get_slice(key) for key in file.keys()}  # noqa: SIM118 (not a mapping)
            kinds = {key: (tuple(each.get_shape()), each.get_dtype()) for key, each in slices.items()}
    except (OSError, SafetensorError, ValueError) as e:
        raise _damage(path, str(e)) from e
    if not isinstance(header, dict) or not isinstance(header.get("filler"), str | None):
        raise _damage(path, "it does not say what it is")
    if header.get("format") != _FORMAT:
        raise AdapterError(f"{path} has format {header.get('format')}, and this version reads {_FORMAT}; upgrade adapt-embed")
    return BiasFile(path, _widths(path, kinds), header.get("filler"))


def _widths(path: Path, kinds: Mapping[str, tuple[tuple[int, ...], str]]) -> dict[str, int]:
    """Return the number of values of each bias, of which both parts are there, in float32."""
    names = sorted(key.removeprefix(_DIFFERENCE) for key in kinds if key.startswith(_DIFFERENCE))
    expected = {prefix + name for name in names for prefix in (_DIFFERENCE, _OWN)}
    if not names or kinds.keys() != expected or not all(map(is_bias, names)):
        raise _damage(path, "it does not hold two parts of each bias and nothing else")
    for name in names:
        shape, dtype = kinds[_DIFFERENCE + name]
        if len(shape) != 1 or dtype != "F32" or kinds[_OWN + name] != (shape, dtype):
            raise _damage(path, f"no two vectors of one length in float32 for {name}")
    return {name: kinds[_DIFFERENCE + name][0][0] for name in names}


def write_biases(factors: LoraFactors, own: OwnBiases, filler: str | None, path: Path) -> None:
    """Write the changed biases among factors; the same ones give the same bytes.

    Raises:
        ValueError: the base has no bias of such a name and length.
    """
    tensors: dict[str, Tensor] = {}
    for name, module in sorted(factors.items()):
        if is_bias(name):
            tensors[_DIFFERENCE + name], tensors[_OWN + name] = difference_of(module), own_values(name, module, own)
    header = json.dumps({"format": _FORMAT, "filler": filler}, separators=(",", ":"))
    path.write_bytes(save(tensors, metadata={"biases": header}))


def bias_sums(factors: LoraFactors, own: OwnBiases, targets: LoraFactors) -> dict[str, Tensor]:
    """Return the changed biases as peft keeps them: key below the network -> the base's own values and the difference, added, (n,) float32.

    Args:
        factors: The biases are taken out of them.
        own: The base's own.
        targets: The modules that have factors in peft's file: peft names their biases after what it wraps.
    """
    return {
        bias_key(name, targets): own_values(name, module, own) + difference_of(module)
        for name, module in sorted(factors.items())
        if is_bias(name)
    }


def bias_key(name: str, targets: Mapping[str, object]) -> str:
    """Return what peft calls a bias of the network, the modules in `targets` being wrapped."""
    module = name.removesuffix(BIAS)
    return f"{module}.base_layer{BIAS}" if module in targets else name


def difference_of(module: LoraModule) -> Tensor:
    """Return the change of a bias, (n,) float32, out of its update."""
    return module.delta()[:, 0].contiguous()


def own_values(name: str, module: LoraModule, own: OwnBiases) -> Tensor:
    """Return the base's own values of a bias that is changed, (n,) float32.

    Raises:
        ValueError: it has none, or another number of them.
    """
    values = own.values.get(name)
    if values is None or len(values) != module.b.shape[0]:
        raise ValueError(f"{name} is changed, and the base has no bias of that name and length")
    return values.detach().to("cpu", torch.float32).contiguous()


def _damage(path: Path, what: str) -> AdapterError:
    return AdapterError(f"{path} is damaged ({what}); restore it from a copy, or train it again")
