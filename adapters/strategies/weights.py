"""Training a network's own weights: taken where they lie, put back bit for bit, and kept as factors of the difference or as a whole model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from ...base.load import Base
from ...base.model_folder import write_model
from ...lora import STORE_DTYPES, KeptEnergy, OwnBiases, is_bias, write_adapter
from ...registry import base_record
from ..settings.joined import TrainSettings
from .differences import changed_norms, check_finite, differences_as_factors, kept_norms, rounded
from .in_use import refuse_in_use
from .protocol import StrategyPlan, TrainedParameter
from .trained import ModelWeights, Trained

BYTES_OF_BIASES = 12
"""In files, for each number: the difference, the base's own value, and their sum, which peft reads."""
NOT_READ = "pooler."
"""How the parameters begin that no vector comes from."""


@dataclass(frozen=True, slots=True)
class _Former:
    """A base as it was before `put_in`: the own values of what is trained, and what else training changes.

    Attributes:
        base: The base.
        values: Name -> the parameter's own value, where the network lies.
        requires_grad: Of all parameters.
        attention: What the network attends with.
        dropout: The share of each dropout layer.
    """

    base: Base
    values: dict[str, Tensor]
    requires_grad: dict[str, bool]
    attention: str
    dropout: dict[str, float]


@dataclass(slots=True)
class WeightStrategy:
    """Some of a network's own parameters. A strategy of the table says which. See `Strategy` for what each method does."""

    config: TrainSettings
    _former: _Former | None = field(default=None, init=False)

    def choose(self, base: Base) -> dict[str, nn.Parameter]:
        """Return what is trained, by name, in the network's order.

        Raises:
            ConfigError: a setting does not fit the network.
        """
        raise NotImplementedError

    def rate_share(self, name: str) -> float:  # noqa: ARG002 - others tell parameters apart
        """Return what the learning rate of a parameter is multiplied by."""
        return 1.0

    @property
    def former(self) -> _Former:
        """What `put_in` has put aside."""
        if self._former is None:
            raise ValueError("no base was taken to train its weights")
        return self._former

    @property
    def base(self) -> Base:
        """The base whose weights are trained."""
        return self.former.base

    @property
    def parameters(self) -> dict[str, nn.Parameter]:
        """What is trained, by name."""
        own = dict(self.base.model.named_parameters())
        return {name: own[name] for name in self.former.values}

    def plan(self, base: Base) -> StrategyPlan:
        """Count the parameters; of what is kept, the rank decides."""
        chosen, linears = self.choose(base), linear_weights(base)
        numbers = sum(parameter.numel() for parameter in chosen.values())
        modules = tuple(linears[name] for name in chosen if name in linears)
        return StrategyPlan(parameters=numbers, file_bytes=self._file_bytes(base, chosen), modules=modules, copied_bytes=4 * numbers)

    def _file_bytes(self, base: Base, chosen: dict[str, nn.Parameter]) -> int:
        if self.config.keep == "model":
            whole: int = sum(parameter.numel() for parameter in base.model.parameters())
            return 4 * whole
        linears, bytes_each = linear_weights(base), STORE_DTYPES[self.config.store].itemsize
        of_matrices: int = sum(min(self.config.rank, *each.shape) * sum(each.shape) for name, each in chosen.items() if name in linears)
        of_biases: int = sum(each.numel() for name, each in chosen.items() if is_bias(name))
        return of_matrices * bytes_each + BYTES_OF_BIASES * of_biases

    def put_in(self, base: Base) -> list[nn.Parameter]:
        """Keep a copy of what will be trained, and have it get gradients."""
        refuse_in_use(base)
        chosen = self.choose(base)
        base.network.merge_weights(None, {})
        self._former = _Former(
            base,
            {name: parameter.detach().clone() for name, parameter in chosen.items()},
            {name: parameter.requires_grad for name, parameter in base.model.named_parameters()},
            base.model.config._attn_implementation,
            {name: module.p for name, module in base.model.named_modules() if isinstance(module, nn.Dropout)},
        )
        for parameter in chosen.values():
            parameter.requires_grad_(True)
        return list(chosen.values())

    def trained(self) -> list[TrainedParameter]:
        """Return the parameters; the decay of weights is for matrices alone, as usual."""
        return [
            TrainedParameter(
                parameter=parameter, rate_share=self.rate_share(name), decays=parameter.ndim > 1, origin=self.former.values[name]
            )
            for name, parameter in self.parameters.items()
        ]

    def begin_step(self, step: int, steps: int) -> None:
        """Train all of them in every step."""

    @torch.no_grad()
    def take_out(self) -> None:
        """Put the base's own values back."""
        if self._former is None:
            return
        base, former = self.base, self.former
        for name, parameter in self.parameters.items():
            parameter.copy_(former.values[name])
        for name, share in former.dropout.items():
            module = base.model.get_submodule(name)
            assert isinstance(module, nn.Dropout)
            module.p = share
        base.model.eval()
        if base.model.config._attn_implementation != former.attention:
            base.model.set_attn_implementation(former.attention)
        for name, parameter in base.model.named_parameters():
            parameter.requires_grad_(former.requires_grad[name])
            parameter.grad = None
        self._former = None

    def training(self, on: bool) -> None:
        """Switch on the dropout after what is trained, and on a CPU plain attention, whose gradients are quicker there."""
        if self.base.device.type == "cpu":
            attention = "eager" if on else "sdpa"
            if self.base.model.config._attn_implementation != attention:
                self.base.model.set_attn_implementation(attention)
        if not self.config.dropout:
            return
        for name in self.former.dropout:
            layer, parent = self.base.model.get_submodule(name), self.base.model.get_submodule(name.rpartition(".")[0])
            assert isinstance(layer, nn.Dropout)
            layer.p = self.config.dropout
            layer.train(on and any(parameter.requires_grad for parameter in parent.parameters()))

    @contextmanager
    @torch.no_grad()
    def as_stored(self) -> Iterator[None]:
        """Have what the file gives back in place of what is trained: over the base, what is kept of the differences."""
        parameters = self.parameters
        present = {name: parameter.detach().clone() for name, parameter in parameters.items()}
        try:
            self.read_in(self.as_read(self.read_out()))
            yield
        finally:
            for name, parameter in parameters.items():
                parameter.copy_(present[name])

    def read_out(self) -> Trained:
        """Copy the weights, or bring their difference to the base into low rank."""
        if self.config.keep == "model":
            return ModelWeights({name: _copy(parameter) for name, parameter in self.parameters.items()})
        return differences_as_factors(self._differences(), linear_weights(self.base), self.config.rank)

    def energy(self, trained: Trained) -> KeptEnergy | None:
        """Compare what factors keep with all that has changed."""
        if isinstance(trained, ModelWeights):
            return None
        return KeptEnergy(changed=changed_norms(self._differences(), self.base), kept=kept_norms(trained))

    @torch.no_grad()
    def read_in(self, trained: Trained) -> None:
        """Set the weights: those of a model, or the base's with what factors add."""
        if isinstance(trained, ModelWeights):
            self._set(trained.parameters)
            return
        linears = {module: name for name, module in linear_weights(self.base).items()}
        updates = {linears.get(name, name): module for name, module in trained.items()}
        values = {name: value.clone() for name, value in self.former.values.items()}
        self._refuse_others(updates.keys() - values.keys())
        for name, update in updates.items():
            values[name].add_(update.delta().to(values[name]).view_as(values[name]))
        self._set(values)

    def _set(self, values: dict[str, Tensor]) -> None:
        parameters = self.parameters
        self._refuse_others(values.keys() ^ parameters.keys())
        for name, parameter in parameters.items():
            parameter.copy_(values[name])

    def _refuse_others(self, others: set[str]) -> None:
        if others:
            raise ValueError(f"what was trained changes {min(others)}, which is not trained here, or lacks it; it is of other settings")

    def as_read(self, trained: Trained) -> Trained:
        """Round factors of matrices to the configured number format; biases and models are kept in float32."""
        return trained if isinstance(trained, ModelWeights) else rounded(trained, self.config.store)

    def check_storable(self, trained: Trained) -> None:
        """Refuse numbers that are infinite in their file's number format."""
        check_finite(self.as_read(trained), self.config)

    def write(self, trained: Trained, folder: Path, base: Base) -> None:
        """Write a peft folder with changed biases beside it, or a whole model."""
        if isinstance(trained, ModelWeights):
            write_model(base, folder, trained.parameters)
            return
        own = OwnBiases(values=base.network.own_biases(), filler=base.network.first_linear())
        write_adapter(trained, folder, *base_record(base.spec).loading_name, dtype=STORE_DTYPES[self.config.store], own=own)

    @torch.no_grad()
    def _differences(self) -> dict[str, Tensor]:
        """Return how far each parameter is from the base's own, on the CPU, in float32."""
        return {name: _copy(parameter - self.former.values[name]) for name, parameter in self.parameters.items()}


def linear_weights(base: Base) -> dict[str, str]:
    """Return the names of the linear modules' weights, each with its module's name."""
    return {f"{name}.weight": name for name, module in base.model.named_modules() if isinstance(module, nn.Linear)}


def read_parameters(base: Base) -> dict[str, nn.Parameter]:
    """Return the parameters that vectors come from, by name."""
    return {name: parameter for name, parameter in base.model.named_parameters() if not name.startswith(NOT_READ)}


def _copy(tensor: Tensor) -> Tensor:
    return tensor.detach().to("cpu", torch.float32, copy=True)
