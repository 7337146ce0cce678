"""The adapters that are in memory, the least recently used ones being dropped above a budget; networks are shared."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...choices import Role
from ...encoders.lora import LoraEncoder
from ...encoders.protocol import Encoder
from ...references import EncoderSettings, LoadedBases, Resolved, open_encoder

if TYPE_CHECKING:
    from ...base.load import Network


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """A version in memory.

    Attributes:
        reference: Which one.
        sha256: Of its content.
        encoder: What gives its vectors.
        side: Which texts it changes.
        size: Bytes of its factors, and of what is made ready of them.
    """

    reference: str
    sha256: str
    encoder: Encoder
    side: str
    size: int

    @property
    def networks(self) -> tuple[Network, ...]:
        """The networks that it runs."""
        return tuple(each.base.network for each in self.encoder.networks() if isinstance(each, LoraEncoder))

    @property
    def keys(self) -> set[str]:
        """The hashes of its factors."""
        return {key for each in self.encoder.networks() if isinstance(each, LoraEncoder) for key in each.sha256.values() if key is not None}

    def longest(self, role: Role) -> int:
        """Return the tokens that texts of a role are truncated to."""
        return min(
            (each.longest(role) for each in self.encoder.networks() if isinstance(each, LoraEncoder)), default=self.encoder.max_tokens
        )


@dataclass(slots=True)
class Shelf:
    """What is in memory. One thread loads, while others find.

    Attributes:
        settings: How vectors are computed.
        budget: Bytes of adapters, and of networks besides the base's, above which the least recently used are dropped.
        pinned: Versions that are never dropped, by reference and sha256, whatever the budget, once they are in memory.
        evicted: How many were dropped so far.
    """

    settings: EncoderSettings
    budget: int
    pinned: Collection[tuple[str, str]] = ()
    evicted: int = 0
    _bases: LoadedBases = field(init=False)
    _loaded: OrderedDict[tuple[str, str], Loaded] = field(default_factory=OrderedDict)
    _kept: Loaded | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._bases = LoadedBases(self.settings)

    def find(self, reference: str, sha256: str) -> Loaded | None:
        """Return a version that is in memory, which is now the one used last; None: it is not."""
        with self._lock:
            found = self._loaded.get((reference, sha256))
            if found is not None:
                self._loaded.move_to_end((reference, sha256))
            return found

    def load(self, resolved: Resolved, reference: str, sha256: str) -> Loaded:
        """Load a version, and drop what it leaves no memory for; the base is never dropped.

        Raises:
            AdaptError: it is damaged, or does not fit its base.
        """
        encoder = open_encoder(resolved, self._bases)
        loaded = Loaded(reference, sha256, encoder, resolved.side, _factor_bytes(encoder))
        with self._lock:
            self._loaded[reference, sha256] = loaded
            self._kept = self._kept or loaded
            self._drop(loaded)
        return loaded

    @property
    def size(self) -> int:
        """The bytes that count against the budget."""
        with self._lock:
            return self._size()

    @property
    def loaded(self) -> list[Loaded]:
        """The versions in memory, the least recently used first."""
        with self._lock:
            return list(self._loaded.values())

    def _size(self) -> int:
        own = set(map(id, self._kept.networks)) if self._kept else set()
        others = {id(network): network for each in self._loaded.values() for network in each.networks if id(network) not in own}
        return sum(each.size for each in self._loaded.values()) + sum(map(_network_bytes, others.values()))

    def _drop(self, newest: Loaded) -> None:
        """Drop what is above the budget."""
        before = self.evicted
        while self._size() > self.budget and (last := next(self._droppable(newest), None)) is not None:
            del self._loaded[last.reference, last.sha256]
            self.evicted += 1
        if self.evicted > before:
            used = {id(network) for each in self._loaded.values() for network in each.networks}
            networks = {place: network for place, network in self._bases.networks.items() if id(network) in used}
            bases = {way: base for way, base in self._bases.bases.items() if id(base.network) in used}
            self._bases = LoadedBases(self.settings, networks, bases)

    def _droppable(self, newest: Loaded) -> Iterator[Loaded]:
        kept = (newest, self._kept)
        yield from (each for key, each in self._loaded.items() if each not in kept and key not in self.pinned)


def _factor_bytes(encoder: Encoder) -> int:
    """Return the bytes of factors as they were read, and as they are made ready for products, about as much again."""
    own = 0
    for each in encoder.networks():
        if isinstance(each, LoraEncoder):
            roles = {each.sha256[role]: each.factors_of(role) for role in ("query", "document")}
            own += sum(module.a.nbytes + module.b.nbytes for factors in roles.values() for module in factors.values())
    return 2 * own


def _network_bytes(network: Network) -> int:
    return sum(parameter.nbytes for parameter in network.model.parameters())
