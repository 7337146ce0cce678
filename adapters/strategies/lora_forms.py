"""What LoRA layers add to a base, as plain factors: those of the layers themselves, or of what they differ from the base by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch
from peft.tuners.lora import LoraLayer
from torch import Tensor

from ...lora import KeptEnergy, LoraFactors, LoraModule, RankPolicy, compress
from ..settings.joined import TrainSettings
from ..settings.starts import find_start
from .differences import MATRICES, kept_norms
from .lora_layers import NAME, copied, set_factors


class Form(Protocol):
    """How one variant of LoRA is read out of its layers, and what of it a file holds.

    Attributes:
        is_as_trained: Whether a file holds the very factors that are trained.
        changes_weights: Whether the base's weights are changed while it trains.
    """

    is_as_trained: bool
    changes_weights: bool

    def begin(self, layers: Mapping[str, LoraLayer], own: Mapping[str, Tensor]) -> None:
        """See the layers as they begin; `own`: the base's own weights, (out, in), by the modules' names."""
        ...

    def rank(self, config: TrainSettings, most: int) -> int:
        """Return the rank of what a file holds of a matrix that has `most` dimensions."""
        ...

    def decays(self, parameter: str) -> bool:
        """Return whether zero is a parameter's rest, by its name: not of what begins as numbers of the base."""
        ...

    def read_out(self, layers: Mapping[str, LoraLayer]) -> LoraFactors:
        """Return what the layers add to the base, on the CPU, in float32."""
        ...

    def energy(self, layers: Mapping[str, LoraLayer], trained: LoraFactors) -> KeptEnergy | None:
        """Return how much of what the layers add `trained` keeps; None: all."""
        ...

    def read_in(self, layers: Mapping[str, LoraLayer], trained: LoraFactors) -> None:
        """Have the layers add what `read_out` returned."""
        ...

    def plain(self, trained: LoraFactors) -> LoraFactors:
        """Return the same update in the form that loses least by rounding."""
        ...


class Pairs:
    """The factors that are trained are what is added to the base."""

    is_as_trained = True
    changes_weights = False

    def energy(self, layers: Mapping[str, LoraLayer], trained: LoraFactors) -> KeptEnergy | None:  # noqa: ARG002 - DoRA compares them
        """All is kept."""
        return None

    def begin(self, layers: Mapping[str, LoraLayer], own: Mapping[str, Tensor]) -> None:
        """There is nothing to see."""

    def rank(self, config: TrainSettings, most: int) -> int:  # noqa: ARG002 - peft trains what was asked for
        """That of training."""
        return config.rank

    def decays(self, parameter: str) -> bool:  # noqa: ARG002 - of others, some do not
        """All factors do."""
        return True

    def read_out(self, layers: Mapping[str, LoraLayer]) -> LoraFactors:
        """Copy the factors."""
        return {name: _pair(layer) for name, layer in layers.items()}

    def read_in(self, layers: Mapping[str, LoraLayer], trained: LoraFactors) -> None:
        """Set the factors."""
        for name, layer in layers.items():
            set_factors(layer, trained[name].a, trained[name].b)

    def plain(self, trained: LoraFactors) -> LoraFactors:
        """They are plain."""
        return trained


class Balanced(Pairs):
    """Factors of which both begin large and cancel: what is kept are factors of their product, which rounding does not change by what cancels."""

    is_as_trained = False

    def rank(self, config: TrainSettings, most: int) -> int:
        """That of training."""
        return min(config.rank, most)

    def plain(self, trained: LoraFactors) -> LoraFactors:
        """Return the singular directions of the product."""
        return {name: _balanced(module.b * module.scale, module.a) for name, module in trained.items()}


class FromBase(Pairs):
    """The factors begin as a part of the base's weights: what they have come to less what they began as is added to the base.

    B' A' - B0 A0 has twice their rank. It is read out as [B', -B0] and [A'; A0], so that the factors can be set again to the bit.
    """

    is_as_trained = False
    changes_weights = True

    def begin(self, layers: Mapping[str, LoraLayer], own: Mapping[str, Tensor]) -> None:
        """Keep what the factors begin as, and have the frozen rest be the base less that, computed in float64 and rounded once."""
        self._starts = {name: _pair(layer) for name, layer in layers.items()}
        with torch.no_grad():
            for name, layer in layers.items():
                start, weight = self._starts[name], layer.get_base_layer().weight
                part = start.scale * (start.b.double() @ start.a.double())
                weight.copy_((own[name].double() - part.to(weight.device)).float())

    def rank(self, config: TrainSettings, most: int) -> int:
        """Twice that of training."""
        return min(2 * config.rank, most)

    def decays(self, parameter: str) -> bool:  # noqa: ARG002 - none does
        """They are a part of the base."""
        return False

    def read_out(self, layers: Mapping[str, LoraLayer]) -> LoraFactors:
        """Put the factors beside what they began as."""
        return {name: _less(_pair(layer), self._starts[name]) for name, layer in layers.items()}

    def read_in(self, layers: Mapping[str, LoraLayer], trained: LoraFactors) -> None:
        """Set the factors, which are the first half. What they began as follows from the base."""
        for name, layer in layers.items():
            if trained[name].rank != 2 * layer.r[NAME]:
                raise ValueError(
                    f"the factors of {name} have rank {trained[name].rank}; expected those of twice {layer.r[NAME]} that were read out"
                )
            set_factors(layer, *(half[0] for half in _halves(trained[name])))

    def plain(self, trained: LoraFactors) -> LoraFactors:
        """Return the difference as such: rounding its halves would cost as much of the base's own part as training has changed."""
        return {name: _difference(module) for name, module in trained.items()}


class Directions(Pairs):
    """DoRA: the base's matrix with the update has its rows' lengths trained apart from their directions. The difference has full rank.

    It is kept as the nearest factors of the configured rank.
    """

    is_as_trained = False
    changes_weights = True

    def rank(self, config: TrainSettings, most: int) -> int:
        """That of training."""
        return min(config.rank, most)

    def decays(self, parameter: str) -> bool:
        """The factors do; the lengths are the base's."""
        return ".lora_magnitude_vector." not in parameter

    def read_out(self, layers: Mapping[str, LoraLayer]) -> LoraFactors:
        """Bring what the layers add into low rank."""
        return {name: compress(dora_difference(layer), RankPolicy(rank=layer.r[NAME])).module for name, layer in layers.items()}

    def energy(self, layers: Mapping[str, LoraLayer], trained: LoraFactors) -> KeptEnergy | None:
        """Compare the factors with what the layers add."""
        changed = sum(float(dora_difference(layer).double().square().sum()) for layer in layers.values())
        return KeptEnergy(changed={MATRICES: changed}, kept=kept_norms(trained))

    @torch.no_grad()
    def read_in(self, layers: Mapping[str, LoraLayer], trained: LoraFactors) -> None:
        """Add the factors to the weights, and switch the layers off: no lengths and directions give them."""
        for name, layer in layers.items():
            weight = layer.get_base_layer().weight
            weight.add_(trained[name].delta().to(weight))
            layer.enable_adapters(False)


def open_form(config: TrainSettings) -> Form:
    """Return the form of the configured variant."""
    if config.dora:
        return Directions()
    start = find_start(config.init)
    return FromBase() if start.takes_from_base else Balanced() if start.cancels else Pairs()


@torch.no_grad()
def dora_difference(layer: LoraLayer) -> Tensor:
    """Return by what a DoRA layer's matrix differs from the base's: (out, in) float32 on the CPU; zero, to the bit, before training.

    Source: https://arxiv.org/abs/2402.09353, eq. 5: the rows of W + scale B A are brought to the trained lengths m.
    """
    module, weight, lengths = _pair(layer), copied(layer.get_base_layer().weight), copied(layer.lora_magnitude_vector[NAME].weight)
    update = module.delta()
    ratio = (lengths / torch.linalg.norm(weight + update, dim=1))[:, None]
    difference: Tensor = (ratio - 1) * weight + ratio * update
    return difference


def _pair(layer: LoraLayer) -> LoraModule:
    return LoraModule(copied(layer.lora_A[NAME].weight), copied(layer.lora_B[NAME].weight), float(layer.scaling[NAME]))


def _less(module: LoraModule, start: LoraModule) -> LoraModule:
    return LoraModule(torch.cat([module.a, start.a]), torch.cat([module.b, -start.b], dim=1), module.scale)


def _halves(module: LoraModule) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Return what the factors are and what they began as: of a, (rank, in) each, and of b, (out, rank) each."""
    rank = module.rank // 2
    return (module.a[:rank], module.a[rank:]), (module.b[:, :rank], -module.b[:, rank:])


def _difference(module: LoraModule) -> LoraModule:
    """Return B' A' - B0 A0 = (B' - B0) A' + B0 (A' - A0), both terms of which are as small as what training has changed, as balanced factors."""
    (a, first_a), (b, first_b) = (tuple(half.double() for half in halves) for halves in _halves(module))
    return _balanced(torch.cat([b - first_b, first_b], dim=1) * module.scale, torch.cat([a, a - first_a]))


def _balanced(left: Tensor, right: Tensor) -> LoraModule:
    """Return the product of (out, k) and (k, in) as its singular directions, by the roots of the singular values long; computed in float64."""
    basis, core = torch.linalg.qr(left.double())  # (out, j), (j, k)
    other_basis, other_core = torch.linalg.qr(right.double().T)  # (in, i), (i, k)
    u, s, vh = torch.linalg.svd(core @ other_core.T, full_matrices=False)
    root = s.sqrt()
    return LoraModule((root[:, None] * (vh @ other_basis.T)).float(), ((basis @ u) * root).float(), 1.0)
