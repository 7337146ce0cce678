"""LoRA factors from and to PEFT folders. No base, no torch.nn, no peft."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ..errors import AdapterError
from .factors import LoraFactors, LoraModule

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
StoreDtype = Literal["fp16", "bf16", "fp32"]
STORE_DTYPES: dict[StoreDtype, torch.dtype] = {"fp16": torch.float16, "bf16": torch.bfloat16, "fp32": torch.float32}
_PREFIX = "base_model.model."
_STARTS_THAT_CHANGE_THE_BASE = ("pissa", "olora", "corda", "loftq", "lora_ga")


class LoraFile(Mapping[str, LoraModule]):
    """The factors of a PEFT folder, read one module at a time, so that a hundred adapters can be merged without holding them."""

    def __init__(self, folder: Path) -> None:
        """Check the configuration and the names of the tensors; no tensor is read.

        Raises:
            AdapterError: the folder is incomplete or damaged, or holds what plain factors cannot say (DoRA, bias, whole modules).
        """
        self._folder, self._config = folder, read_config(folder)
        _refuse_what_factors_cannot_say(folder, self._config)
        with _opened(folder) as file:
            keys: list[str] = list(file.keys())  # type: ignore[no-untyped-call]
        stray = [key for key in keys if ".lora_" not in key]
        if stray or not keys:
            raise AdapterError(f"{folder / WEIGHTS} holds {stray[0] if stray else 'no lora_A or lora_B'}; expected LoRA factors alone")
        self._keys, self._names = set(keys), sorted({key.rsplit(".lora_", 1)[0].removeprefix(_PREFIX) for key in keys})

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __getitem__(self, name: str) -> LoraModule:
        """Return a module's update, in float32, whatever its rank, alpha and scaling.

        Raises:
            AdapterError: its factors are damaged or do not match.
        """
        if name not in self._names:
            raise KeyError(name)
        with _opened(self._folder) as file:
            a, b = (self._tensor(file, name, side) for side in "AB")
        if a.ndim != 2 or b.ndim != 2 or a.shape[0] != b.shape[1] or 0 in a.shape:
            raise self._error(name, "no matching pair of factors")
        if not (bool(a.isfinite().all()) and bool(b.isfinite().all())):
            raise self._error(name, "values that are not finite")
        alpha = _pattern(self._config.get("alpha_pattern"), name, self._config.get("lora_alpha", 8))
        return LoraModule(a, b, alpha / math.sqrt(a.shape[0]) if self._config.get("use_rslora") else alpha / a.shape[0])

    def _tensor(self, file: safe_open, name: str, side: str) -> Tensor:
        prefixed = f"{_PREFIX}{name}.lora_{side}.weight"
        key = prefixed if prefixed in self._keys else prefixed.removeprefix(_PREFIX)
        if key not in self._keys:
            raise self._error(name, "no matching pair of factors")
        tensor: Tensor = file.get_tensor(key).float()  # type: ignore[no-untyped-call]
        return tensor

    def _error(self, name: str, what: str) -> AdapterError:
        return AdapterError(f"{self._folder / WEIGHTS} holds {what} for {name}; restore it from a copy, or train it again")


def read_lora(folder: Path) -> LoraFactors:
    """Read a PEFT LoRA folder whole, in float32, whatever its ranks, alphas and scaling.

    Raises:
        AdapterError: as `LoraFile`.
    """
    return dict(LoraFile(folder))


def write_lora(factors: LoraFactors, path: Path, *, dtype: torch.dtype = torch.float16) -> None:
    """Write factors as a PEFT `adapter_model.safetensors`; the same factors give the same bytes."""
    tensors = {}
    for name, module in sorted(factors.items()):
        tensors[f"{_PREFIX}{name}.lora_A.weight"] = module.a.to(dtype).contiguous()
        tensors[f"{_PREFIX}{name}.lora_B.weight"] = module.b.to(dtype).contiguous()
    path.write_bytes(save(tensors, metadata={"format": "pt"}))  # save_file would make it readable by its owner alone


def stored_bytes(factors: LoraFactors, store: StoreDtype) -> int:
    """Return how many bytes factors take in a file, but for its header of a few kB."""
    return sum(module.a.numel() + module.b.numel() for module in factors.values()) * STORE_DTYPES[store].itemsize


def lora_config(factors: LoraFactors, base: str | None, revision: str | None) -> dict:
    """Return the `adapter_config.json` of factors whose ranks may differ from module to module. Every scale is 1 or is recorded as an alpha.

    Modules are named whole, and the patterns are anchored, so that no name can be taken for the end of another's.
    """
    common = max(module.rank for module in factors.values())
    return {
        "peft_type": "LORA",
        "task_type": "FEATURE_EXTRACTION",
        "base_model_name_or_path": base,
        "revision": revision,
        "r": common,
        "lora_alpha": common,
        "rank_pattern": {_anchored(name): module.rank for name, module in sorted(factors.items()) if module.rank != common},
        "alpha_pattern": {
            _anchored(name): module.scale * module.rank for name, module in sorted(factors.items()) if module.scale * module.rank != common
        },
        "target_modules": sorted(factors),
        "lora_dropout": 0.0,
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
        "use_rslora": False,
        "use_dora": False,
        "modules_to_save": None,
    }


def _anchored(name: str) -> str:
    return "^" + name.replace(".", r"\.")


def read_config(folder: Path) -> dict:
    """Read a PEFT folder's `adapter_config.json`.

    Raises:
        AdapterError: it is absent, not JSON, or not of a LoRA.
    """
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise AdapterError(f"{folder} is no adapter folder: it holds no {CONFIG}") from None
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
        raise AdapterError(f"{folder} is no adapter folder: it holds no {WEIGHTS}") from None
    except (OSError, SafetensorError) as e:
        raise AdapterError(f"{path} is damaged ({e}); restore it from a copy, or remove this version with: adapt rm") from e


def _refuse_what_factors_cannot_say(folder: Path, config: dict) -> None:
    for key, what in (("use_dora", "DoRA"), ("modules_to_save", "whole modules (modules_to_save)"), ("lora_bias", "LoRA bias")):
        if config.get(key):
            raise AdapterError(f"{folder} uses {what}, which plain factors cannot express; train it again without")
    start = str(config.get("init_lora_weights")).lower()
    if start.startswith(_STARTS_THAT_CHANGE_THE_BASE):
        raise AdapterError(
            f"{folder} starts from {start}, which changes the base's own weights as well; "
            "save it again with peft's path_initial_model_for_weight_conversion"
        )
    if config.get("bias", "none") != "none":
        raise AdapterError(
            f"{folder} trains biases (bias={config['bias']!r}), which plain factors cannot express; train it again with bias='none'"
        )


def _pattern(patterns: dict | None, name: str, default: float) -> float:
    """Look a module up in PEFT's rank or alpha pattern: a key is a regular expression for the end of the name."""
    for key, value in (patterns or {}).items():
        if re.match(rf"(.*\.)?({key})$", name):
            return float(value)
    return default
