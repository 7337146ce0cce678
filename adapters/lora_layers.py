"""LoRA layers in a base's network, by peft: put in and taken out, toggled between training and use, read out as plain factors."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn

from ..base.load import Base
from ..errors import ConfigError
from ..lora import STORE_DTYPES, LoraFactors, LoraModule
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


@contextmanager
def lora_layers(base: Base, config: TrainConfig) -> Iterator[list[nn.Parameter]]:
    """Put seeded LoRA layers into the network and give their parameters; the base's own stay frozen. At the end the network is as it was.

    An adapter that lies over the base's weights is taken off first.

    Raises:
        ConfigError: a target names no linear module of the base.
        ValueError: there are LoRA layers in the network already.
    """
    if any(isinstance(module, LoraLayer) for module in base.model.modules()):
        raise ValueError(f"{base.spec.name} is being trained already; load the base a second time to train two adapters at once")
    base.network.lay_over(None, {})
    requires_grad = {name: parameter.requires_grad for name, parameter in base.model.named_parameters()}
    attention = base.model.config._attn_implementation
    try:
        yield add_lora(base, config)
    finally:
        remove_lora(base)
        base.model.eval()
        if base.model.config._attn_implementation != attention:
            base.model.set_attn_implementation(attention)
        for name, parameter in base.model.named_parameters():
            parameter.requires_grad_(requires_grad[name])


def add_lora(base: Base, config: TrainConfig) -> list[nn.Parameter]:
    """Put seeded LoRA layers into the network, which `lora_layers` takes out again, and return their parameters."""
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


def remove_lora(base: Base) -> None:
    """Put the base's own modules back where LoRA layers stand around them."""
    for name, module in list(base.model.named_modules()):
        if isinstance(module, LoraLayer):
            parent, _, own_name = name.rpartition(".")
            setattr(base.model.get_submodule(parent), own_name, module.get_base_layer())
    if hasattr(base.model, "peft_config"):
        del base.model.peft_config


@contextmanager
@torch.no_grad()
def as_stored(base: Base, config: TrainConfig) -> Iterator[None]:
    """Have the network compute as it will with the factors out of their file: rounded to its number format, merged into the weights."""
    layers = {name: module for name, module in base.model.named_modules() if isinstance(module, LoraLayer)}
    originals: dict[str, Tensor] = {}
    try:
        for name, module in round_factors(read_factors(base), config).items():
            weight = layers[name].get_base_layer().weight
            originals[name] = weight.clone()
            weight.add_(module.delta().to(weight))
            layers[name].enable_adapters(False)
        yield
    finally:
        for name, original in originals.items():
            layers[name].get_base_layer().weight.copy_(original)
            layers[name].enable_adapters(True)


def round_factors(factors: LoraFactors, config: TrainConfig) -> LoraFactors:
    """Return factors as they come out of a file of the configured number format."""
    dtype = STORE_DTYPES[config.store]
    return {name: LoraModule(module.a.to(dtype).float(), module.b.to(dtype).float(), module.scale) for name, module in factors.items()}


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
