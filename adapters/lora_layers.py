"""LoRA layers in a base's network, by peft: put in, toggled between training and use, read out as plain factors."""

import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn

from ..base.load import Base
from ..errors import ConfigError
from ..lora import LoraFactors, LoraModule
from .config import TrainConfig

_NAME = "default"


def peft_config(config: TrainConfig, base_id: str | None, revision: str | None) -> LoraConfig:
    """Return the PEFT configuration of a run."""
    return LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        lora_dropout=config.dropout,
        target_modules=list(config.targets),
        base_model_name_or_path=base_id,
        revision=revision,
        task_type="FEATURE_EXTRACTION",
        inference_mode=True,
    )


def add_lora(base: Base, config: TrainConfig) -> list[nn.Parameter]:
    """Put seeded LoRA layers into the network and return their parameters; the base's own stay frozen.

    Raises:
        ConfigError: a target names no linear module of the base.
    """
    linear = [name for name, module in base.model.named_modules() if isinstance(module, nn.Linear)]
    for target in config.targets:
        if not any(name == target or name.endswith("." + target) for name in linear):
            ends = sorted({name.split(".")[-1] for name in linear})
            raise ConfigError(f"target {target!r} names no linear module of {base.spec.name}; its linear modules end in {', '.join(ends)}")
    with torch.random.fork_rng(devices=[base.device] if base.device.type == "cuda" else []):
        torch.manual_seed(config.seed)
        inject_adapter_in_model(peft_config(config, None, None), base.model, adapter_name=_NAME)
    base.model.eval()
    parameters = []
    for name, parameter in base.model.named_parameters():
        parameter.requires_grad_(".lora_" in name)
        if parameter.requires_grad:
            parameters.append(parameter)
    return parameters


def set_training(base: Base, on: bool) -> None:
    """Switch the factors' dropout on or off. The base's own dropout stays off: it is frozen.

    On a CPU, gradients go through plain attention: torch's fused kernel is fast forwards, and slow backwards (docs/LOG.md).
    """
    layers = (module for module in base.model.modules() if isinstance(module, LoraLayer))
    first = next(layers, None)
    if first is None or first.training == on:
        return  # and so are all of them: switching a thousand modules at every step takes milliseconds, which a GPU waits for
    if base.device.type == "cpu":
        base.model.set_attn_implementation("eager" if on else "sdpa")
    for layer in (first, *layers):
        layer.train(on)


def read_factors(base: Base) -> LoraFactors:
    """Copy the factors out of the network, on the CPU, in float32."""
    return {
        name: LoraModule(_copy(module.lora_A[_NAME].weight), _copy(module.lora_B[_NAME].weight), float(module.scaling[_NAME]))
        for name, module in base.model.named_modules()
        if isinstance(module, LoraLayer)
    }


def _copy(weight: Tensor) -> Tensor:
    return weight.detach().to("cpu", torch.float32, copy=True)
