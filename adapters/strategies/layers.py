"""The layers of a base's network: where its list of them is, which of them a setting means, and which one a module is of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

from ...base.load import Base
from ...errors import ConfigError
from ..settings.layers import parse_layers


@dataclass(frozen=True, slots=True)
class LayerList:
    """A network's list of layers: its path in the network (`encoder.layer`, DistilBERT's `transformer.layer`) and how long it is."""

    path: str
    depth: int

    def path_of(self, number: int) -> str:
        """Return the path of one layer."""
        return f"{self.path}.{number}"

    def number_of(self, name: str) -> int | None:
        """Return which layer a module or a parameter is of, by its name in the network; None: of none, as embeddings are."""
        if not name.startswith(self.path + "."):
            return None
        number = name[len(self.path) + 1 :].split(".", 1)[0]
        return int(number) if number.isdigit() else None


def find_layers(base: Base) -> LayerList:
    """Find the list of layers of a base's network: the outermost one that is as long as the network says that it is deep.

    Raises:
        ConfigError: the network has no such list, or shares one layer's weights among all (ALBERT).
    """
    depth = getattr(base.model.config, "num_hidden_layers", None)
    found = [LayerList(name, len(module)) for name, module in _outermost_lists(base.model) if len(module) == depth]
    if len(found) != 1:
        raise ConfigError(
            f"{base.spec.name} has no list of layers of its own weights each, one after another, so that single layers cannot be named; leave out layers"
        )
    return found[0]


def choose_layers(text: str | None, base: Base) -> tuple[int, ...]:
    """Return the numbers of the layers that a setting means in a base's network, rising; none or an empty text means all of them.

    Raises:
        ConfigError: the network has no layers, or too few.
    """
    layers = find_layers(base)
    if not text:
        return tuple(range(layers.depth))
    choice = parse_layers(text)
    if choice.least_depth > layers.depth:
        raise ConfigError(f"layers is {text!r}, and {base.spec.name} has {layers.depth} layers, 0 to {layers.depth - 1}; name those alone")
    return choice.among(layers.depth)


def _outermost_lists(module: nn.Module, path: str = "") -> Iterator[tuple[str, nn.ModuleList]]:
    """Give the lists of modules that are in no other such list, with their paths."""
    for name, child in module.named_children():
        inner = f"{path}.{name}" if path else name
        if isinstance(child, nn.ModuleList):
            yield inner, child
        else:
            yield from _outermost_lists(child, inner)
