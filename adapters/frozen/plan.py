"""Whether the steps of a run may begin with stored states, and what those will take: nothing is written here."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...base.load import Base
from ...cache import CacheFiles, describe_size, open_cache_files
from ...encoders.forward import TokenIdsOfText
from ...encoders.layer_cut import LAYERS, first_trained_layer
from ...errors import ConfigError
from ...index.corpus import MOST_OF_CACHE, check_disk
from ...plurals import count, format_size
from ..config import TrainConfig
from .shards import BYTES_PER_TEXT
from .space import states_space, text_key
from .store import StateStore, TextsByKey, bytes_per_token
from .stored import FrozenStates


@dataclass(frozen=True, slots=True, kw_only=True)
class StatesSize:
    """What stored states come to: those that enter `layer`, of so many texts, in bytes, of which `new_bytes` are not there yet.

    `seconds`: how long those take to compute, an estimate; None where none was made.
    """

    layer: int
    texts: int
    bytes: int
    new_bytes: int
    seconds: float | None = None

    def describe(self) -> str:
        """Say it in a line."""
        minutes = "" if not self.seconds else f", computed once in about {self.seconds / 60:.1f} minutes"
        return (
            f"the states that enter layer {self.layer} of {count(self.texts, 'text')} take {format_size(self.bytes)}, "
            f"{format_size(self.new_bytes)} of it new{minutes}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenPlan:
    """States that a run may begin with: those that are there, where they lie, and the texts that they are to be of, with the missing ones."""

    states: FrozenStates
    store: StateStore
    texts: TextsByKey
    missing: TextsByKey
    size: StatesSize

    def check_space(self) -> None:
        """Refuse states that do not fit.

        Raises:
            ConfigError: the disk has too little space, or the cache may hold too little.
        """
        files = self.store.files
        if self.missing and self.size.bytes > files.max_bytes * MOST_OF_CACHE:
            raise ConfigError(
                f"{self.size.describe()}, and the cache may hold {describe_size(files.max_bytes)}; set ADAPT_CACHE_SIZE higher"
            )
        if self.missing:
            check_disk(files.folder, self.size.new_bytes)

    def seconds(self, some: Sequence[TokenIdsOfText]) -> float:
        """Compute the states of some texts, which are held in memory, and estimate from them how long the missing ones take."""
        started = time.monotonic()
        self.states.hold({text_key(ids): ids for ids in some})
        return (time.monotonic() - started) * _count_tokens(self.missing.values()) / max(1, _count_tokens(some))


def plan_frozen(base: Base, texts: Iterable[TokenIdsOfText], config: TrainConfig, files: CacheFiles | None = None) -> FrozenPlan | None:
    """Return the states that a run may begin with; None where none are wanted, or nothing is gained by them.

    Args:
        base: With a strategy put in, in training.
        texts: The token ids of the texts that every epoch puts through the network.
        config: Whether states are wanted.
        files: Where they are kept; None: the user's cache.

    Raises:
        ConfigError: the network cannot be cut, or states are demanded where nothing is frozen.
    """
    is_demanded, layer = config.cache_frozen == "true", first_trained_layer(base)
    if config.cache_frozen == "false" or not _can_begin_at(base, layer, config) or not (is_demanded or base.device.type == "cpu"):
        return None
    states = FrozenStates(base, layer, config.precision)
    store = StateStore(files or open_cache_files(), states_space(base, layer, config.precision))
    by_key = {text_key(ids): ids for ids in texts}
    missing = store.find(states, by_key)
    if missing and config.epochs == 1 and not is_demanded:
        return None  # each text is read once or so
    return FrozenPlan(states=states, store=store, texts=by_key, missing=missing, size=_measure(states, by_key, missing))


def _can_begin_at(base: Base, layer: int, config: TrainConfig) -> bool:
    """Return whether a layer has something below that is frozen; raises `ConfigError` where that was expected."""
    is_demanded, kind = config.cache_frozen == "true", base.model.config.model_type
    if kind not in LAYERS and (is_demanded or config.layers):
        raise ConfigError(f"{base.spec.name} is a {kind}, which is not cut at a layer (those that are: {', '.join(LAYERS)})")
    if is_demanded and not layer:
        raise ConfigError("the first layer or the embeddings are trained, so that nothing below is frozen")
    return layer > 0


def _measure(states: FrozenStates, texts: TextsByKey, missing: TextsByKey) -> StatesSize:
    per_token = bytes_per_token(states, min(texts.values(), key=len))
    whole, new = (per_token * _count_tokens(some.values()) + BYTES_PER_TEXT * len(some) for some in (texts, missing))
    return StatesSize(layer=states.layer, texts=len(texts), bytes=whole, new_bytes=new)


def _count_tokens(texts: Iterable[TokenIdsOfText]) -> int:
    return sum(map(len, texts))
