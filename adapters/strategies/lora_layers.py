"""LoRA layers in a network, by peft: which modules get them, how they are put in, read and taken out."""

from __future__ import annotations

import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn

from ...base.load import Base
from ...errors import ConfigError
from ...lora import LoraFactors, LoraModule
from ..settings.joined import TrainSettings
from ..settings.starts import find_start
from .layers import choose_layers, find_layers

NAME = "default"
"""Of the one adapter that peft's layers hold."""


def target_modules(base: Base, targets: tuple[str, ...], layers: str | None = None) -> dict[str, nn.Linear]:
    """Return the linear modules whose names end in one of the targets, by name.

    Args:
        base: Whose network they are of.
        targets: Ends of names.
        layers: Which layers they may be of, as the setting says it; none or empty: any, and outside of layers, too.

    Raises:
        ConfigError: the network has no such layers.
    """
    of, numbers = (find_layers(base), choose_layers(layers, base)) if layers else (None, ())
    return {
        name: module
        for name, module in base.model.named_modules()
        if isinstance(module, nn.Linear)
        and any(name == target or name.endswith("." + target) for target in targets)
        and (of is None or of.number_of(name) in numbers)
    }


def check_targets(base: Base, config: TrainSettings) -> None:
    """Refuse targets that name no module, and a rank that the start cannot have in one of them.

    Raises:
        ConfigError: as said.
    """
    for target in config.targets:
        if not target_modules(base, (target,), config.layers):
            where = f" in layers {config.layers}" if config.layers and target_modules(base, (target,)) else ""
            ends = sorted({name.split(".")[-1] for name, module in base.model.named_modules() if isinstance(module, nn.Linear)})
            raise ConfigError(
                f"target {target!r} names no linear module of {base.spec.name}{where}; its linear modules end in {', '.join(ends)}"
            )
    if find_start(config.init).takes_from_base:
        for name, module in target_modules(base, config.targets, config.layers).items():
            if (most := min(module.weight.shape)) < config.rank:
                raise ConfigError(
                    f"rank is {config.rank}, and init={config.init} takes so many directions of each matrix: {name} has {most}; lower rank"
                )


def inject(base: Base, config: TrainSettings) -> list[nn.Parameter]:
    """Put seeded LoRA layers into the network and return their parameters, the only ones that get gradients."""
    named = list(target_modules(base, config.targets, config.layers)) if config.layers else list(config.targets)
    settings = peft_config(config, named, None, None)
    settings.init_lora_weights = True if config.init == "default" else config.init
    settings.use_dora = config.dora
    with torch.random.fork_rng(devices=[base.device] if base.device.type == "cuda" else []):
        torch.manual_seed(config.seed)
        inject_adapter_in_model(settings, base.model, adapter_name=NAME)
    base.model.eval()
    parameters = []
    for name, parameter in base.model.named_parameters():
        parameter.requires_grad_(".lora_" in name)
        if parameter.requires_grad:
            parameters.append(parameter)
    return parameters


def peft_config(config: TrainSettings, modules: list[str], base_id: str | None, revision: str | None) -> LoraConfig:
    """Return peft's configuration of plain factors as they are trained, for these modules."""
    return LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        use_rslora=config.rslora,
        lora_dropout=config.dropout,
        target_modules=modules,
        base_model_name_or_path=base_id,
        revision=revision,
        task_type="FEATURE_EXTRACTION",
        inference_mode=True,
    )


def lora_layers(base: Base) -> dict[str, LoraLayer]:
    """Return the LoRA layers of a network, by the names of the modules that they stand in the place of."""
    return {name: module for name, module in base.model.named_modules() if isinstance(module, LoraLayer)}


def read_factors(base: Base) -> LoraFactors:
    """Copy the factors out of a network with LoRA layers, on the CPU, in float32."""
    return {
        name: LoraModule(copied(module.lora_A[NAME].weight), copied(module.lora_B[NAME].weight), float(module.scaling[NAME]))
        for name, module in lora_layers(base).items()
    }


@torch.no_grad()
def set_factors(layer: LoraLayer, a: Tensor, b: Tensor) -> None:
    """Set the two factors of a layer."""
    layer.lora_A[NAME].weight.copy_(a)
    layer.lora_B[NAME].weight.copy_(b)


def remove_layers(base: Base) -> None:
    """Put the network's own modules back."""
    for name, layer in lora_layers(base).items():
        parent, _, own_name = name.rpartition(".")
        setattr(base.model.get_submodule(parent), own_name, layer.get_base_layer())
    if hasattr(base.model, "peft_config"):
        del base.model.peft_config


def copied(weight: Tensor) -> Tensor:
    """Return a copy on the CPU, in float32."""
    return weight.detach().to("cpu", torch.float32, copy=True)
