"""The stored states of a run: found, computed where they are missing, and done without where they do not fit."""

from __future__ import annotations

from collections.abc import Iterable

from ...base.load import Base
from ...cache import CacheFiles
from ...encoders.forward import TokenIdsOfText
from ...encoders.layer_cut import layers_of
from ...errors import ConfigError
from ...events import QUIET, Events
from ...plurals import be, count
from ..config import TrainConfig
from .plan import FrozenPlan, plan_frozen
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
    try:
        plan = plan_frozen(base, texts, config, files)
        if plan is None:
            return None
        _fill(plan, events)
    except ConfigError as e:
        if config.cache_frozen == "true":
            raise ConfigError(f"{e}; or let the frozen layers be computed in every step, with --set strategy.cache_frozen=false") from e
        events.note(f"the frozen layers are computed in every step: {e}")
        return None
    layer, layers = plan.states.layer, len(layers_of(base) or ())
    events.note(f"training begins at layer {layer} of {layers}: {_below(layer)} not computed")
    return plan.states


def _fill(plan: FrozenPlan, events: Events) -> None:
    """Say what is there, and compute and keep what is missing."""
    files = plan.store.files
    if files.damaged:
        damaged = count(files.damaged, "damaged file")
        events.note(f"{damaged} of stored states {be(files.damaged)} removed; what is missing is computed again")
    events.note(f"{plan.size.describe()}, in {plan.store.folder}")
    plan.check_space()
    if plan.missing:
        events.stage("computing the frozen layers")
        plan.store.fill(plan.states, plan.missing, events)
        events.stage("training")
    if files.problem is not None:
        raise ConfigError(files.problem)


def _below(layer: int) -> str:
    return "the layer below is" if layer == 1 else f"the {layer} layers below are"
