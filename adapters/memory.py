"""How much memory training may take: what a device has, what a micro-batch needs, and how large it may therefore be."""

import functools
from pathlib import Path, PurePosixPath

import psutil
import torch
from peft.tuners.lora import LoraLayer

from ..base.load import Base
from ..choices import Precision
from ..encoders.batching import default_batch_tokens
from ..encoders.forward import uses_bf16
from ..encoders.layer_cut import first_trained_layer
from .settings.joined import TrainSettings

HELD_SHARE = 1 / 3  # of the device's memory: beside it stand the base, the optimiser, the data, and whatever else runs
BYTES_PER_OUTPUT, BYTES_PER_OUTPUT_BF16 = 8, 5  # that a layer of DoRA keeps beside for each token and each number that it gives
BYTES_PER_UNIT, BYTES_PER_UNIT_BF16 = 68, 40  # that a layer keeps for each token and each number of its width, measured (docs/log/)


def micro_batch_tokens(base: Base, config: TrainSettings) -> int:
    """Return the padded tokens that a micro-batch holds at most: no more than fit into what graphs may hold."""
    per_token = graph_bytes_per_token(base, min(config.max_tokens, base.encoding.max_tokens), config.precision)
    return max(1, min(default_batch_tokens(base.device), int(memory_budget(base.device) / per_token)))


def graph_bytes_per_token(base: Base, length: int, precision: Precision) -> float:
    """Estimate what the graph of a micro-batch holds for each of its padded tokens.

    Args:
        base: In training. Layers below the first one that is trained keep nothing; where nothing is trained yet, all count.
        length: Of its texts, padded: plain attention, which a CPU trains with, keeps a weight for each pair of tokens and each head.
        precision: Of the matrix products.
    """
    network, is_half = base.model.config, uses_bf16(base.device, precision)
    width = (BYTES_PER_UNIT_BF16 if is_half else BYTES_PER_UNIT) * network.hidden_size
    attention = (2 if is_half else 4) * network.num_attention_heads * length if base.device.type == "cpu" else 0
    layers = network.num_hidden_layers - first_trained_layer(base) or network.num_hidden_layers
    scaled = (BYTES_PER_OUTPUT_BF16 if is_half else BYTES_PER_OUTPUT) * _scaled_outputs(base)
    return float(layers * (width + attention) + scaled)


def _scaled_outputs(base: Base) -> int:
    """Return how many numbers the layers of DoRA give for a token; of each, a graph keeps what comes of the base and of the factors, apart."""
    return sum(layer.out_features for layer in base.model.modules() if isinstance(layer, LoraLayer) and layer.lora_variant)


def memory_budget(device: torch.device) -> float:
    """Return the bytes that graphs may hold."""
    return HELD_SHARE * device_memory(device)


@functools.cache
def device_memory(device: torch.device) -> int:
    """Return the bytes of memory that a device has; of a machine's, those that this process may use."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    if device.type == "mps":
        return int(torch.mps.recommended_max_memory())
    return min(int(psutil.virtual_memory().total), *control_group_limits())


def control_group_limits(root: Path = Path("/sys/fs/cgroup"), of_process: Path = Path("/proc/self/cgroup")) -> list[int]:
    """Return the limits that a container or a batch system sets on the memory of this process (Linux; elsewhere none).

    Source: https://docs.kernel.org/admin-guide/cgroup-v2.html, and https://docs.kernel.org/admin-guide/cgroup-v1/memory.html.
    """
    try:
        lines = of_process.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    limits = []
    for _, controllers, group in (line.split(":", 2) for line in lines):
        if controllers and "memory" not in controllers.split(","):
            continue
        folder, name = (root / "memory", "memory.limit_in_bytes") if controllers else (root, "memory.max")
        inner = PurePosixPath(group.lstrip("/"))
        for place in (inner, *inner.parents):  # a limit holds for all groups below; inside a container, the root is its own group
            try:
                limits.append(int((folder / place / name).read_text(encoding="ascii")))
            except (OSError, ValueError):  # not there, or "max"
                continue
    return limits
