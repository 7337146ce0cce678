"""LoRA layers in a base's network, by peft: put in and taken out, toggled between training and use, read out as plain factors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn

from ...base.load import Base
from ...base.sentence_files import write_json
from ...errors import ConfigError, TrainingError
from ...lora import CONFIG, STORE_DTYPES, WEIGHTS, KeptEnergy, LoraFactors, LoraModule, lora_config, write_lora
from ...lora.vanished import cut_vanished
from ...registry import base_record
from ..settings.joined import TrainSettings
from .layers import choose_layers, find_layers
from .protocol import StrategyPlan, TrainedParameter

_NAME = "default"


@dataclass(frozen=True, slots=True)
class _Former:
    """A base, and what of its network `put_in` changes."""

    base: Base
    requires_grad: dict[str, bool]
    attention: str


@dataclass(slots=True)
class LoraStrategy:
    """Seeded pairs of factors beside linear modules; the base's own parameters stay frozen. See `Strategy` for what each method does.

    Source: https://arxiv.org/abs/2106.09685.
    """

    config: TrainSettings
    _former: _Former | None = field(default=None, init=False)

    @property
    def base(self) -> Base:
        """The base that the layers are in."""
        if self._former is None:
            raise ValueError("no LoRA layers were put into a base")
        return self._former.base

    def plan(self, base: Base) -> StrategyPlan:
        """Count the factors of the modules that the targets name."""
        modules = target_modules(base, self.config.targets, self.config.layers)
        numbers = sum(self.config.rank * (module.in_features + module.out_features) for module in modules.values())
        return StrategyPlan(parameters=numbers, file_bytes=numbers * STORE_DTYPES[self.config.store].itemsize, modules=tuple(modules))

    def put_in(self, base: Base) -> list[nn.Parameter]:
        """Put seeded LoRA layers into the network; a target that names no linear module of it is refused."""
        if any(isinstance(module, LoraLayer) for module in base.model.modules()):
            raise ValueError(f"{base.spec.name} is being trained already; load the base a second time to train two adapters at once")
        base.network.merge_weights(None, {})
        requires_grad = {name: parameter.requires_grad for name, parameter in base.model.named_parameters()}
        self._former = _Former(base, requires_grad, base.model.config._attn_implementation)
        return _inject(base, self.config)

    def trained(self) -> list[TrainedParameter]:
        """Return the factors; B is the second one of each pair."""
        named = ((name, parameter) for name, parameter in self.base.model.named_parameters() if parameter.requires_grad)
        return [TrainedParameter(parameter=parameter, is_second_factor=".lora_B." in name) for name, parameter in named]

    def take_out(self) -> None:
        """Put the base's own modules back."""
        former, self._former = self._former, None
        if former is None:
            return
        base = former.base
        _remove_layers(base)
        base.model.eval()
        if base.model.config._attn_implementation != former.attention:
            base.model.set_attn_implementation(former.attention)
        for name, parameter in base.model.named_parameters():
            parameter.requires_grad_(former.requires_grad[name])

    def training(self, on: bool) -> None:
        """Switch the factors' dropout on or off. The base's own dropout stays off: it is frozen.

        On a CPU, gradients go through plain attention: torch's fused kernel is fast forwards, and slow backwards (docs/log/).
        """
        layers = (module for module in self.base.model.modules() if isinstance(module, LoraLayer))
        first = next(layers, None)
        if first is None or first.training == on:
            return  # and so are all of them: switching a thousand modules at every step takes milliseconds, which a GPU waits for
        if self.base.device.type == "cpu":
            self.base.model.set_attn_implementation("eager" if on else "sdpa")
        for layer in (first, *layers):
            layer.train(on)

    def begin_step(self, step: int, steps: int) -> None:
        """Train all factors in every step."""

    @contextmanager
    @torch.no_grad()
    def as_stored(self) -> Iterator[None]:
        """Round the factors to their file's number format and merge them into the weights."""
        layers = _layers(self.base)
        originals: dict[str, Tensor] = {}
        try:
            for name, module in self.as_read(self.read_out()).items():
                weight = layers[name].get_base_layer().weight
                originals[name] = weight.clone()
                weight.add_(module.delta().to(weight))
                layers[name].enable_adapters(False)
            yield
        finally:
            for name, original in originals.items():
                layers[name].get_base_layer().weight.copy_(original)
                layers[name].enable_adapters(True)

    def read_out(self) -> LoraFactors:
        """Copy the factors."""
        return read_factors(self.base)

    def energy(self, trained: LoraFactors) -> KeptEnergy | None:  # noqa: ARG002 - as every strategy
        """Return None: the factors are all that was trained."""
        return None

    @torch.no_grad()
    def read_in(self, trained: LoraFactors) -> None:
        """Set the factors."""
        layers = _layers(self.base)
        if layers.keys() != trained.keys():
            raise ValueError(f"the factors are of {len(trained)} modules, and the targets name {len(layers)}")
        for name, layer in layers.items():
            layer.lora_A[_NAME].weight.copy_(trained[name].a)
            layer.lora_B[_NAME].weight.copy_(trained[name].b)

    def as_read(self, trained: LoraFactors) -> LoraFactors:
        """Round factors to the configured number format; of sparse ones, what changes nothing is cut off."""
        dtype = STORE_DTYPES[self.config.store]
        rounded = {
            name: LoraModule(module.a.to(dtype).float(), module.b.to(dtype).float(), module.scale) for name, module in trained.items()
        }
        return cut_vanished(rounded) if self.config.l1 else rounded

    def check_storable(self, trained: LoraFactors) -> None:
        """Refuse factors that are infinite in their file's number format."""
        for name, module in self.as_read(trained).items():
            if not (module.a.isfinite().all() and module.b.isfinite().all()):
                raise TrainingError(
                    f"the factors of {name} are too large to be stored in {self.config.store}; "
                    f"lower learning_rate (now {self.config.peak_rate:g})"
                )

    def write(self, trained: LoraFactors, folder: Path, base: Base) -> None:
        """Write the two files of a peft folder."""
        base_id, revision = base_record(base.spec).loading_name
        kept = self.as_read(trained) if self.config.l1 else trained
        write_lora(kept, folder / WEIGHTS, dtype=STORE_DTYPES[self.config.store])
        ranks = {module.rank for module in kept.values()}
        if ranks != {self.config.rank}:
            write_json(folder / CONFIG, lora_config(kept, base_id, revision))
            return
        named = sorted(kept) if self.config.layers else list(self.config.targets)
        settings = _peft_config(self.config, named, base_id, revision).to_dict()
        write_json(folder / CONFIG, {key: sorted(value) if isinstance(value, set) else value for key, value in sorted(settings.items())})


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


def read_factors(base: Base) -> LoraFactors:
    """Copy the factors out of a network with LoRA layers, on the CPU, in float32."""
    return {
        name: LoraModule(_copy(module.lora_A[_NAME].weight), _copy(module.lora_B[_NAME].weight), float(module.scaling[_NAME]))
        for name, module in _layers(base).items()
    }


def _layers(base: Base) -> dict[str, LoraLayer]:
    return {name: module for name, module in base.model.named_modules() if isinstance(module, LoraLayer)}


def _copy(weight: Tensor) -> Tensor:
    return weight.detach().to("cpu", torch.float32, copy=True)


def _peft_config(config: TrainSettings, modules: list[str], base_id: str | None, revision: str | None) -> LoraConfig:
    return LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        lora_dropout=config.dropout,
        target_modules=modules,
        base_model_name_or_path=base_id,
        revision=revision,
        task_type="FEATURE_EXTRACTION",
        inference_mode=True,
    )


def _inject(base: Base, config: TrainSettings) -> list[nn.Parameter]:
    """Put seeded LoRA layers into the network and return their parameters, the only ones that get gradients."""
    for target in config.targets:
        if not target_modules(base, (target,), config.layers):
            where = f" in layers {config.layers}" if config.layers and target_modules(base, (target,)) else ""
            ends = sorted({name.split(".")[-1] for name, module in base.model.named_modules() if isinstance(module, nn.Linear)})
            raise ConfigError(
                f"target {target!r} names no linear module of {base.spec.name}{where}; its linear modules end in {', '.join(ends)}"
            )
    named = list(target_modules(base, config.targets, config.layers)) if config.layers else list(config.targets)
    with torch.random.fork_rng(devices=[base.device] if base.device.type == "cuda" else []):
        torch.manual_seed(config.seed)
        inject_adapter_in_model(_peft_config(config, named, None, None), base.model, adapter_name=_NAME)
    base.model.eval()
    parameters = []
    for name, parameter in base.model.named_parameters():
        parameter.requires_grad_(".lora_" in name)
        if parameter.requires_grad:
            parameters.append(parameter)
    return parameters


def _remove_layers(base: Base) -> None:
    for name, layer in _layers(base).items():
        parent, _, own_name = name.rpartition(".")
        setattr(base.model.get_submodule(parent), own_name, layer.get_base_layer())
    if hasattr(base.model, "peft_config"):
        del base.model.peft_config
