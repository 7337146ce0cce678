"""A reference as one network: the base's weights with the adapter's added, in float32, on the CPU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from ...choices import Role
from ...errors import AdapterError
from ...references import EncoderSettings, LoadedBases, Resolved, open_lora

if TYPE_CHECKING:
    from ...base.load import Base
    from ...encoders.lora import LoraEncoder

_INSTEAD = {
    "concat": "its vectors are those of all members, one behind the other",
    "mean": "the mean of several networks' vectors is not computed by any one of them",
    "rrf": "it ranks passages, and has no vectors",
    "max": "it ranks passages, and has no vectors",
}
"""Mode of an ensemble -> why no single network does what it does."""


@dataclass(frozen=True, slots=True)
class WholeModel:
    """What a reference names, opened: its encoder, and the roles of texts that its one network serves."""

    resolved: Resolved
    encoder: LoraEncoder

    @property
    def base(self) -> Base:
        """The network, and how texts go in."""
        return self.encoder.base

    @property
    def roles(self) -> tuple[Role, ...]:
        """Queries alone for an adapter that changes no document, else both."""
        return ("query",) if is_for_queries(self.resolved) else get_args(Role)

    def merge(self) -> None:
        """Merge the adapter into the network's weights."""
        self.encoder.merge_weights("query")


def is_for_queries(resolved: Resolved) -> bool:
    """Return whether a reference changes queries alone, documents having the vectors of the base."""
    return resolved.side == "query"


def check_one_network(resolved: Resolved) -> None:
    """Refuse an ensemble, which no single network is.

    Raises:
        AdapterError: it is one.
    """
    if resolved.recipe is None:
        return
    names = " ".join(member.reference for member in resolved.members)
    one_base = len(resolved.bases) == 1
    instead = f"for one network, merge the members (adapt merge {names}) and export that" if one_base else "export its members one by one"
    raise AdapterError(
        f"{resolved.reference} is an ensemble of the mode {resolved.recipe.mode} and cannot become one model: {_INSTEAD[resolved.recipe.mode]}; "
        f"{instead}"
    )


def open_whole(resolved: Resolved) -> WholeModel:
    """Load a base, an adapter or a merge, its network not being shared with anything else.

    Raises:
        AdaptError: it is an ensemble, its weights are damaged, or the base does not load.
    """
    check_one_network(resolved)
    return WholeModel(resolved, open_lora(resolved, LoadedBases(EncoderSettings(device="cpu", precision="fp32"))))
