"""A whole model as a parent of a merge: its exact difference to the base that it was made from, as updates of linear modules and biases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

import torch
from torch import Tensor, nn

from ..base.load import Network, load_network
from ..base.spec import BaseSpec
from ..errors import AdapterError
from ..lora import LoraModule, OwnBiases, bias_update, is_bias

_NOT_READ = "pooler."
"""How the parameters begin that no vector comes from."""


class ModelDifference(Mapping[str, LoraModule]):
    """By how much a model differs from its base: name -> update, factored exactly, with the identity as one of the two factors.

    Both networks are loaded when the first update is asked for.
    """

    def __init__(self, model: BaseSpec, base: BaseSpec) -> None:
        """Keep which the two are.

        Args:
            model: The model's own network.
            base: What it was made from.
        """
        self._specs = model, base

    @cached_property
    def _both(self) -> tuple[Network, dict[str, Tensor], dict[str, Tensor]]:
        """The base's network, and the parameters of both that vectors come from."""
        model, base = map(load_network, self._specs)
        own, before = map(_parameters, (model, base))
        if _shapes(own) != _shapes(before):
            raise AdapterError(
                f"{model.spec.name} is a network of another shape than {base.spec.name}, so that it has no difference to it; it is damaged, "
                "or the base is another"
            )
        return base, own, before

    @cached_property
    def _names(self) -> dict[str, str]:
        """Name of an update -> its parameter, of those that differ and that updates can hold."""
        base, own, before = self._both
        linears = {f"{name}.weight": name for name, module in base.model.named_modules() if isinstance(module, nn.Linear)}
        held = {linears.get(name, name): name for name in own if name in linears or is_bias(name)}
        return {name: key for name, key in sorted(held.items()) if not torch.equal(own[key], before[key])}

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __getitem__(self, name: str) -> LoraModule:
        """Return the difference of a linear module or of a bias."""
        key = self._names[name]
        _, own, before = self._both
        difference = own[key] - before[key]
        return bias_update(difference) if is_bias(name) else _exactly(difference)

    def own_biases(self) -> OwnBiases:
        """Return the base's own biases."""
        base = self._both[0]
        return OwnBiases(values=base.own_biases(), filler=base.first_linear())

    def left_out(self) -> float:
        """Return which share of the difference's squared norm lies in what updates cannot hold: embeddings and the weights of LayerNorms."""
        _, own, before = self._both
        squares = {name: float((own[name] - before[name]).double().square().sum()) for name in own}
        total, held = sum(squares.values()), sum(squares[key] for key in self._names.values())
        return 0.0 if total == 0 else 1 - held / total


def _parameters(network: Network) -> dict[str, Tensor]:
    return {name: each.detach() for name, each in network.model.named_parameters() if not name.startswith(_NOT_READ)}


def _shapes(parameters: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(each.shape) for name, each in parameters.items()}


def _exactly(difference: Tensor) -> LoraModule:
    """Return a matrix, (out, in), as factors of its smaller side."""
    out, into = difference.shape
    if out < into:
        return LoraModule(difference, torch.eye(out), 1.0)
    return LoraModule(torch.eye(into), difference, 1.0)
