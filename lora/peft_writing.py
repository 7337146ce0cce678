"""LoRA factors, and changed biases beside them, to PEFT folders; the same ones give the same bytes."""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save

from ..choices import StoreDtype as StoreDtype
from .biases import BIASES, OwnBiases, bias_sums, write_biases
from .factors import LoraFactors, LoraModule, is_bias
from .peft_tensors import PREFIX, factor_key

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
STORE_DTYPES: dict[StoreDtype, torch.dtype] = {"fp16": torch.float16, "bf16": torch.bfloat16, "fp32": torch.float32}


def write_adapter(
    factors: LoraFactors,
    folder: Path,
    base_id: str | None,
    revision: str | None,
    *,
    dtype: torch.dtype = torch.float16,
    own: OwnBiases | None = None,
) -> None:
    """Write factors as a folder that peft loads, with the file of biases beside it where some are changed; the same ones give the same bytes.

    Args:
        factors: Matrices are stored in `dtype`, changes of biases in float32.
        folder: Where to.
        base_id: What peft finds the base by.
        revision: Of the Hub id.
        dtype: Number format of factors.
        own: The base's own biases; needed where `factors` changes one.

    Raises:
        ValueError: a bias is changed, and `own` is not given or does not have it.
    """
    matrices = {name: module for name, module in factors.items() if not is_bias(name)}
    sums: dict[str, torch.Tensor] = {}
    if len(matrices) < len(factors):
        if own is None:
            raise ValueError("a bias is changed; give the base's own")
        filler = None if matrices else own.filler[0]
        matrices = matrices or {own.filler[0]: _nothing(*own.filler[1])}
        sums = {PREFIX + key: tensor for key, tensor in bias_sums(factors, own, matrices).items()}
        write_biases(factors, own, filler, folder / BIASES)
    _write_tensors(matrices, folder / WEIGHTS, dtype, sums)
    config = lora_config(matrices, base_id, revision) | ({"bias": "all"} if sums else {})
    (folder / CONFIG).write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_lora(factors: LoraFactors, path: Path, *, dtype: torch.dtype = torch.float16) -> None:
    """Write factors of matrices as a PEFT `adapter_model.safetensors`; the same factors give the same bytes.

    Raises:
        ValueError: a bias is among them, for which `write_adapter` is.
    """
    if any(map(is_bias, factors)):
        raise ValueError("a bias is changed; write it with write_adapter")
    _write_tensors(factors, path, dtype, {})


def _write_tensors(matrices: LoraFactors, path: Path, dtype: torch.dtype, more: Mapping[str, torch.Tensor]) -> None:
    tensors = {}
    for name, module in sorted(matrices.items()):
        tensors[factor_key(name, "A")] = module.a.to(dtype).contiguous()
        tensors[factor_key(name, "B")] = module.b.to(dtype).contiguous()
    path.write_bytes(save({**tensors, **more}, metadata={"format": "pt"}))  # save_file would make it readable by its owner alone


def _nothing(out: int, into: int) -> LoraModule:
    return LoraModule(torch.zeros(1, into), torch.zeros(out, 1), 1.0)


def stored_bytes(factors: LoraFactors, store: StoreDtype) -> int:
    """Return how many bytes factors take in their files, but for headers of a few kB; of a bias, its sum and the two parts of it."""
    matrices = sum(module.a.numel() + module.b.numel() for name, module in factors.items() if not is_bias(name))
    biases = sum(module.b.shape[0] for name, module in factors.items() if is_bias(name))
    return matrices * STORE_DTYPES[store].itemsize + 3 * biases * torch.float32.itemsize


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
