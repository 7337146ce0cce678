"""Whether the steps of a run begin with stored states, and those states: they are computed where they pay, and the disk holds them."""

from __future__ import annotations

from collections.abc import Iterable

from ...base.load import Base
from ...cache import CacheFiles, describe_size, open_cache_files
from ...encoders.forward import TokenIdsOfText
from ...encoders.layer_cut import LAYERS, first_trained_layer, layers_of
from ...errors import ConfigError
from ...events import QUIET, Events
from ...index.corpus import MOST_OF_CACHE, check_disk
from ...plurals import be, count, format_size
from ..config import TrainConfig
from .shards import BYTES_PER_TEXT
from .space import states_space, text_key
from .store import StateStore, bytes_per_token
from .stored import FrozenStates


def open_frozen(
    base: Base, texts: Iterable[TokenIdsOfText], config: TrainConfig, events: Events = QUIET, *, files: CacheFiles | None = None
) -> FrozenStates | None:
    """Return the states that enter the first trained layer, of all texts, computed where they are not kept; None where a run does without.

    Args:
        base: With a strategy put in, in training.
        texts: The token ids of the texts that every epoch puts through the network; others are computed as they come.
        config: Whether states are wanted.
        events: Receives what becomes of them, their size, and the progress.
        files: Where they are kept; None: the user's cache.

    Raises:
        ConfigError: they are demanded, and nothing is frozen, the network cannot be cut, or the disk or the cache is too small.
    """
    layer = first_trained_layer(base)
    if (reason := _why_not(base, layer, config)) is not None:
        return _without(reason, config, events if reason else QUIET)
    states, files = FrozenStates(base, layer, config.precision), files or open_cache_files()
    store = StateStore(files, states_space(base, layer, config.precision))
    by_key = {text_key(ids): ids for ids in texts}
    missing = store.find(states, by_key)
    if files.damaged:
        events.note(
            f"{count(files.damaged, 'damaged file')} of stored states {be(files.damaged)} removed; what is missing is computed again"
        )
    if config.cache_frozen == "auto" and missing and config.epochs == 1:
        return None  # each text is read once or so: nothing is gained by keeping it
    per_token = bytes_per_token(states, min(by_key.values(), key=len))
    whole, new = (per_token * sum(map(len, some.values())) + BYTES_PER_TEXT * len(some) for some in (by_key, missing))
    what = f"the states that enter layer {layer} of {count(len(by_key), 'text')}"
    events.note(f"{what} take {format_size(whole)} in {store.folder}; {format_size(new)} of it is new")
    if missing:
        try:
            check_space(files, what, whole, new)
        except ConfigError as e:
            return _without(str(e), config, events)
        events.stage("computing the frozen layers")
        store.fill(states, missing, events)
        if files.problem is not None:
            return _without(files.problem, config, events)
        events.stage("training")
    events.note(
        f"training begins at layer {layer} of {len(layers_of(base) or ())}: the {count(layer, 'layer')} below {_are(layer)} not computed"
    )
    return states


def _why_not(base: Base, layer: int, config: TrainConfig) -> str | None:
    """Return why a run does without states, empty where that goes without saying; None: it may use them."""
    if config.cache_frozen == "false":
        return ""
    kind = base.model.config.model_type
    if kind not in LAYERS:
        return f"{base.spec.name} is a {kind}, which is not cut at a layer (those that are: {', '.join(LAYERS)})" if config.layers else ""
    if not layer:
        return "" if config.cache_frozen == "auto" else "the first layer or the embeddings are trained, so that nothing below is frozen"
    return "" if config.cache_frozen == "auto" and base.device.type != "cpu" else None


def _without(reason: str, config: TrainConfig, events: Events) -> None:
    """Say that a run does without states; refuse where they are demanded."""
    if config.cache_frozen == "true":
        raise ConfigError(f"{reason}; or let the frozen layers be computed in every step, with --set strategy.cache_frozen=false")
    events.note(f"the frozen layers are computed in every step: {reason}")


def check_space(files: CacheFiles, what: str, whole: int, new: int) -> None:
    """Refuse states that do not fit.

    Raises:
        ConfigError: the disk has too little space, or the cache may hold too little.
    """
    if whole > files.max_bytes * MOST_OF_CACHE:
        raise ConfigError(
            f"{what} take {format_size(whole)}, and the cache may hold {describe_size(files.max_bytes)}; set ADAPT_CACHE_SIZE higher"
        )
    check_disk(files.folder, new)


def _are(number: int) -> str:
    return "is" if number == 1 else "are"
