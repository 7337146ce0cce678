"""LoRA factors from PEFT folders. No base, no torch.nn, no peft."""

import json
import math
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from ..errors import AdapterError
from ..json_text import parse_json
from .biases import BIASES, OwnBiases, bias_key, open_biases
from .factors import LoraFactors, LoraModule
from .peft_fields import check_fields
from .peft_tensors import PREFIX, check_tensors, factor_key, module_and_side
from .peft_writing import CONFIG, WEIGHTS, lora_config

PICKLED = "adapter_model.bin"
_DEFAULT = 8
"""Of `r` and `lora_alpha`, in peft."""


class LoraFile(Mapping[str, LoraModule]):
    """The factors of a PEFT folder, read one module at a time, so that a hundred adapters can be merged without holding them."""

    def __init__(self, folder: Path, *, ignored: Collection[str] = (), wrapper: str = "") -> None:
        """Check the configuration, and the names and shapes of the tensors; no tensor is read.

        Args:
            folder: Where `adapter_config.json` and `adapter_model.safetensors` lie.
            ignored: Fields of the configuration that adapt does not know, of which the user says that they change nothing.
            wrapper: The path of the base within the network that was trained (`bert.`); it is taken off the modules' names.

        Raises:
            AdapterError: the folder is incomplete or damaged, or holds what plain factors cannot say (DoRA, biases without the file that adapt
                keeps beside them, whole modules).
        """
        self.folder, self.ignored, self._config = folder, tuple(ignored), read_config(folder)
        self._biases = open_biases(folder)
        check_fields(folder, self._config, ignored, has_biases=self._biases is not None)
        with _opened(folder) as file:
            keys: list[str] = list(file.keys())  # type: ignore[no-untyped-call]
            shapes = {key: tuple(file.get_slice(key).get_shape()) for key in keys}  # type: ignore[no-untyped-call]
        self._bias_keys = self._find_biases(shapes)
        keys = [key for key in keys if key not in self._bias_keys.values()]
        check_tensors(folder / WEIGHTS, keys)
        self._stored: dict[str, dict[str, str]] = {}
        for key in keys:
            name, side = module_and_side(key)
            if self._stored.setdefault(name.removeprefix(wrapper), {}).setdefault(side, key) != key:
                raise self._error(name, "two tensors of one factor")
        matrices = {name: self._shape(name, shapes) for name in sorted(self._stored)}
        self._scales = {name: self._scale(name, rank=shapes[self._stored[name]["A"]][0]) for name in matrices}
        self.filler = self._take_filler(matrices)
        biases = {name: (shapes[key][0], 1) for name, key in self._bias_keys.items()}
        self.shapes = dict(sorted((matrices | biases).items()))

    def __len__(self) -> int:
        return len(self.shapes)

    def __iter__(self) -> Iterator[str]:
        return iter(self.shapes)

    def __contains__(self, name: object) -> bool:
        return name in self.shapes

    def __getitem__(self, name: str) -> LoraModule:
        """Return a module's update, in float32, whatever its rank, alpha and scaling.

        Raises:
            AdapterError: its factors are damaged.
        """
        if name in self._bias_keys:
            return self._bias(name)
        keys = self._stored[name]
        with _opened(self.folder) as file:
            a, b = (file.get_tensor(keys[side]).float() for side in "AB")  # type: ignore[no-untyped-call]
        if not (bool(a.isfinite().all()) and bool(b.isfinite().all())):
            raise self._error(name, "values that are not finite")
        return LoraModule(a, b, self._scales[name])

    @property
    def matrices(self) -> dict[str, tuple[int, int]]:
        """The linear modules that have factors in peft's file, with their shapes (out, in): those that are changed, or else the filler."""
        changed = {name: shape for name, shape in self.shapes.items() if name not in self._bias_keys}
        return changed or dict([self.filler] if self.filler else [])

    def own_biases(self) -> OwnBiases | None:
        """Return what the file of biases says of the base; None where no bias is changed.

        Raises:
            AdapterError: it is damaged.
        """
        if self._biases is None:
            return None
        return OwnBiases(values={name: self._biases.own(name) for name in self._bias_keys}, filler=next(iter(self.matrices.items())))

    def _find_biases(self, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, str]:
        """Return each bias with its tensor in peft's file, where the file of biases names just those that are there."""
        if self._biases is None:
            return {}
        targets = {key.removeprefix(PREFIX).rpartition(".lora_")[0]: None for key in shapes if ".lora_" in key}
        keys = {name: PREFIX + bias_key(name, targets) for name in self._biases.widths}
        for name, key in keys.items():
            if shapes.get(key) != (self._biases.widths[name],):
                raise self._error(name, f"no bias of {self._biases.widths[name]} values, which {BIASES} has,")
        return keys

    def _take_filler(self, matrices: dict[str, tuple[int, int]]) -> tuple[str, tuple[int, int]] | None:
        """Take the module out of the matrices that stands in peft's file for peft alone; its factors are zero."""
        filler = self._biases.filler if self._biases else None
        if filler is None:
            return None
        if filler not in matrices:
            raise self._error(filler, f"no factors, which {BIASES} names,")
        module = self[filler]
        if module.a.any() or module.b.any():
            raise self._error(filler, f"factors that are not zero, as {BIASES} has them,")
        return filler, matrices.pop(filler)

    def _bias(self, name: str) -> LoraModule:
        assert self._biases is not None
        with _opened(self.folder) as file:
            stored = file.get_tensor(self._bias_keys[name])  # type: ignore[no-untyped-call]
        return self._biases.update(name, stored)

    @property
    def is_plain(self) -> bool:
        """Whether peft reads the folder as adapt does, on the base itself: nothing is ignored, and tensors bear the names that peft gives."""
        names_are_plain = all(key == factor_key(name, side) for name, keys in self._stored.items() for side, key in keys.items())
        return not self.ignored and names_are_plain and self._config.get("task_type") in (None, "FEATURE_EXTRACTION")

    def without_wrapper(self, wrapper: str) -> "LoraFile":
        """Return the same factors under the names that the modules have in the base.

        Raises:
            AdapterError: biases are changed too: adapt writes them under the base's own names.
        """
        if wrapper and self._biases is not None:
            raise self._error(next(iter(self._bias_keys)), "a bias, and factors that are named as in a wrapper,")
        return LoraFile(self.folder, ignored=self.ignored, wrapper=wrapper) if wrapper else self

    def write_plain(self, folder: Path) -> None:
        """Write the adapter as peft reads it on the base itself: the same tensors under the base's names, and the fields that are read."""
        tensors: dict[str, torch.Tensor] = {}
        with _opened(self.folder) as file:
            for name, keys in self._stored.items():
                tensors |= {factor_key(name, side): file.get_tensor(key) for side, key in keys.items()}  # type: ignore[no-untyped-call]
            tensors |= {key: file.get_tensor(key) for key in self._bias_keys.values()}  # type: ignore[no-untyped-call]
        if self._biases is not None:
            (folder / BIASES).write_bytes(self._biases.path.read_bytes())
        (folder / WEIGHTS).write_bytes(save(tensors, metadata={"format": "pt"}))
        named, revision = self._config.get("base_model_name_or_path"), self._config.get("revision")
        modules = {name: self[name] for name in self._stored}
        config = lora_config(modules, named, revision) | ({} if self._biases is None else {"bias": "all"})
        (folder / CONFIG).write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    def _shape(self, name: str, shapes: Mapping[str, tuple[int, ...]]) -> tuple[int, int]:
        """Return a module's (out, in), its two factors being there and of one rank."""
        a, b = (shapes.get(self._stored[name].get(side, ""), ()) for side in "AB")
        if len(a) != 2 or len(b) != 2 or a[0] != b[1] or 0 in a:
            raise self._error(name, "no matching pair of factors")
        return b[0], a[1]

    def _scale(self, name: str, rank: int) -> float:
        """Return alpha / rank, or alpha / sqrt(rank), with the numbers that peft finds for the module under the name that it was trained with."""
        trained_as = module_and_side(self._stored[name]["A"])[0]
        stated = self._number("r", "rank_pattern", trained_as)
        if stated != rank:
            raise AdapterError(
                f"{self.folder / CONFIG} says rank {stated:g} for {name}, and {WEIGHTS} holds rank {rank}; "
                "one of the two files is of another training, restore the folder from a copy"
            )
        alpha, by_root = self._number("lora_alpha", "alpha_pattern", trained_as), self._config.get("use_rslora") or False
        if not isinstance(by_root, bool):
            raise AdapterError(f"{self.folder / CONFIG} sets use_rslora={by_root!r}; expected true or false")
        return alpha / math.sqrt(rank) if by_root else alpha / rank

    def _number(self, field: str, pattern: str, name: str) -> float:
        """Return a module's rank or alpha: of the first pattern that is a regular expression for the end of its name, else of the field."""
        patterns = self._config.get(pattern) or {}
        if not isinstance(patterns, dict):
            raise AdapterError(f"{self.folder / CONFIG} sets {pattern}={patterns!r}; expected an object of names and numbers")
        try:
            key = next((key for key in patterns if re.match(rf"(.*\.)?({key})$", name)), None)
        except re.error as e:
            raise AdapterError(f"{self.folder / CONFIG}: {pattern} holds a name that is not a regular expression: {e}") from e
        value, what = (self._config.get(field, _DEFAULT), field) if key is None else (patterns[key], f"{pattern}[{key!r}]")
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise AdapterError(f"{self.folder / CONFIG} sets {what}={value!r}; expected a number")
        return float(value)

    def _error(self, name: str, what: str) -> AdapterError:
        return AdapterError(f"{self.folder / WEIGHTS} holds {what} for {name}; restore it from a copy, or train it again")


def read_lora(folder: Path) -> LoraFactors:
    """Read a PEFT LoRA folder whole, in float32, whatever its ranks, alphas and scaling.

    Raises:
        AdapterError: as `LoraFile`.
    """
    return dict(LoraFile(folder))


def read_config(folder: Path) -> dict:
    """Read a PEFT folder's `adapter_config.json`.

    Raises:
        AdapterError: it is absent, not JSON, or not of a LoRA.
    """
    try:
        config = parse_json((folder / CONFIG).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise AdapterError(f"{folder} is not an adapter folder: it holds no {CONFIG}") from None
    except (OSError, ValueError) as e:
        raise AdapterError(f"{folder / CONFIG} cannot be read: {e}") from e
    if not isinstance(config, dict) or config.get("peft_type") != "LORA":
        kind = config.get("peft_type") if isinstance(config, dict) else type(config).__name__
        raise AdapterError(f"{folder} holds an adapter of type {kind}; only LoRA can be used")
    return config


@contextmanager
def _opened(folder: Path) -> Iterator[safe_open]:
    path = folder / WEIGHTS
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except FileNotFoundError:
        raise AdapterError(_without_weights(folder)) from None
    except (OSError, SafetensorError) as e:
        raise AdapterError(f"{path} is damaged ({e}); restore it from a copy, or remove this version with: adapt rm") from e


def _without_weights(folder: Path) -> str:
    if not (folder / PICKLED).is_file():
        return f"{folder} is not an adapter folder: it holds no {WEIGHTS} (pickled weights, {PICKLED}, must be converted with peft first)"
    convert = f'save_file(torch.load("{PICKLED}", weights_only=True), "{WEIGHTS}")'
    return (
        f"{folder} holds its weights in {PICKLED} alone, pickled, which adapt does not open; expected {WEIGHTS}: load the adapter with peft "
        f"and save it with save_pretrained, or run in that folder: "
        f"python -c 'import torch; from safetensors.torch import save_file; {convert}'"
    )
