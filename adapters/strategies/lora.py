"""LoRA layers in a base's network, by peft: put in and taken out, toggled between training and use, read out as plain factors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn

from ...base.load import Base
from ...base.sentence_files import write_json
from ...errors import TrainingError
from ...lora import CONFIG, STORE_DTYPES, WEIGHTS, KeptEnergy, LoraFactors, lora_config, write_lora
from ...lora.vanished import cut_vanished
from ...registry import base_record
from ..settings.joined import TrainSettings
from .differences import rounded
from .in_use import refuse_in_use
from .lora_forms import Form, open_form
from .lora_layers import check_targets, inject, lora_layers, peft_config, remove_layers, target_modules
from .protocol import StrategyPlan, TrainedParameter


@dataclass(frozen=True, slots=True)
class _Former:
    """A base, and what of its network training changes.

    Attributes:
        base: The base.
        requires_grad: Of all parameters.
        attention: What the network attends with.
        own: The base's own weights of modules whose weights are changed, (out, in), by the modules' names.
        origins: What parameters begin as that begin as numbers of the base, by their names; zero is not their rest.
    """

    base: Base
    requires_grad: dict[str, bool]
    attention: str
    own: dict[str, Tensor]
    origins: dict[str, Tensor] = field(default_factory=dict)


@dataclass(slots=True)
class LoraStrategy:
    """Seeded pairs of factors beside linear modules; the base's own parameters stay frozen. See `Strategy` for what each method does.

    Source: https://arxiv.org/abs/2106.09685.
    """

    config: TrainSettings
    form: Form = field(init=False)
    _former: _Former | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.form = open_form(self.config)

    @property
    def base(self) -> Base:
        """The base that the layers are in."""
        if self._former is None:
            raise ValueError("no LoRA layers were put into a base")
        return self._former.base

    def plan(self, base: Base) -> StrategyPlan:
        """Count the factors of the modules that the targets name, and what of them a file holds."""
        modules = target_modules(base, self.config.targets, self.config.layers)
        sides = [(module.in_features, module.out_features) for module in modules.values()]
        numbers = sum(self.config.rank * (width + height) + (height if self.config.dora else 0) for width, height in sides)
        kept = sum(self.form.rank(self.config, min(each)) * sum(each) for each in sides)
        return StrategyPlan(
            parameters=numbers,
            file_bytes=kept * STORE_DTYPES[self.config.store].itemsize,
            modules=tuple(modules),
            copied_bytes=4 * sum(width * height for width, height in sides) if self.form.changes_weights else 0,
        )

    def put_in(self, base: Base) -> list[nn.Parameter]:
        """Put seeded LoRA layers into the network; a target that names no linear module of it is refused."""
        refuse_in_use(base)
        check_targets(base, self.config)
        base.network.merge_weights(None, {})
        requires_grad = {name: parameter.requires_grad for name, parameter in base.model.named_parameters()}
        self._former = _Former(base, requires_grad, base.model.config._attn_implementation, self._own_weights(base))
        parameters = inject(base, self.config)
        self.form.begin(lora_layers(base), self._former.own)
        for name, parameter in base.model.named_parameters():
            if parameter.requires_grad and not self.form.decays(name):
                self._former.origins[name] = parameter.detach().clone()
        return parameters

    def _own_weights(self, base: Base) -> dict[str, Tensor]:
        """Copy the weights that training changes in place, or may change."""
        if not self.form.changes_weights:
            return {}
        modules = target_modules(base, self.config.targets, self.config.layers)
        return {name: module.weight.detach().clone() for name, module in modules.items()}

    def trained(self) -> list[TrainedParameter]:
        """Return the factors; B is the second one of each pair. What begins as numbers of the base is pulled back to those, and not to zero."""
        base, origins = self.base, self._former.origins if self._former else {}
        return [
            TrainedParameter(parameter=parameter, is_second_factor=".lora_B." in name, decays=name not in origins, origin=origins.get(name))
            for name, parameter in base.model.named_parameters()
            if parameter.requires_grad
        ]

    def take_out(self) -> None:
        """Put the base's own modules back."""
        former, self._former = self._former, None
        if former is None:
            return
        base = former.base
        remove_layers(base)
        with torch.no_grad():
            for name, weight in former.own.items():
                base.model.get_submodule(name).weight.copy_(weight)
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
        """Round the factors to their file's number format and merge them into the base's weights."""
        layers, present = lora_layers(self.base), dict[str, Tensor]()
        assert self._former is not None  # else there was no base
        try:
            for name, module in self.as_read(self.read_out()).items():
                weight = layers[name].get_base_layer().weight
                present[name] = weight.clone()
                if name in self._former.own:
                    weight.copy_(self._former.own[name])
                weight.add_(module.delta().to(weight))
                layers[name].enable_adapters(False)
            yield
        finally:
            for name, weight in present.items():
                layers[name].get_base_layer().weight.copy_(weight)
                layers[name].enable_adapters(True)

    def read_out(self) -> LoraFactors:
        """Copy what the layers add to the base."""
        return self.form.read_out(lora_layers(self.base))

    def energy(self, trained: LoraFactors) -> KeptEnergy | None:
        """Return how much of it factors can say, where that is not all."""
        return self.form.energy(lora_layers(self.base), trained)

    def read_in(self, trained: LoraFactors) -> None:
        """Have the layers add it to the base."""
        layers = lora_layers(self.base)
        if layers.keys() != trained.keys():
            raise ValueError(f"the factors are of {len(trained)} modules, and the targets name {len(layers)}")
        self.form.read_in(layers, trained)

    def as_read(self, trained: LoraFactors) -> LoraFactors:
        """Round factors to the configured number format; of sparse ones, what changes nothing is cut off."""
        kept = rounded(self.form.plain(trained), self.config.store)
        return cut_vanished(kept) if self.config.l1 else kept

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
        kept = self.as_read(trained)
        write_lora(kept, folder / WEIGHTS, dtype=STORE_DTYPES[self.config.store])
        if not self.form.is_as_trained or {module.rank for module in kept.values()} != {self.config.rank}:
            write_json(folder / CONFIG, lora_config(kept, base_id, revision))
            return
        named = sorted(kept) if self.config.layers else list(self.config.targets)
        settings = peft_config(self.config, named, base_id, revision).to_dict()
        write_json(folder / CONFIG, {key: sorted(value) if isinstance(value, set) else value for key, value in sorted(settings.items())})
