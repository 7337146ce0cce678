"""LoRA factors as data: what they are, the algebra on them, and how they are read from and written to PEFT folders."""

from .algebra import Compressed, RankPolicy, Update, compress, inner_product, weighted_sum
from .biases import BIASES, OwnBiases
from .factors import LoraFactors, LoraModule, bias_update, factors_sha256, is_bias, largest_rank, module_shape
from .kept_energy import KeptEnergy
from .peft_fields import FIELDS, ignored_values
from .peft_folder import LoraFile, read_config, read_lora
from .peft_tensors import find_wrapper
from .peft_writing import CONFIG, STORE_DTYPES, WEIGHTS, StoreDtype, lora_config, stored_bytes, write_adapter, write_lora

__all__ = [
    "BIASES",
    "CONFIG",
    "FIELDS",
    "STORE_DTYPES",
    "WEIGHTS",
    "Compressed",
    "KeptEnergy",
    "LoraFactors",
    "LoraFile",
    "LoraModule",
    "OwnBiases",
    "RankPolicy",
    "StoreDtype",
    "Update",
    "bias_update",
    "compress",
    "factors_sha256",
    "find_wrapper",
    "ignored_values",
    "inner_product",
    "is_bias",
    "largest_rank",
    "lora_config",
    "module_shape",
    "read_config",
    "read_lora",
    "stored_bytes",
    "weighted_sum",
    "write_adapter",
    "write_lora",
]
