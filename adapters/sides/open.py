"""A side's name -> what the steps of a run are."""

from __future__ import annotations

import importlib

from ..batches import Batches
from ..config import TrainConfig
from ..corpus.stored import StoredCorpus
from ..others import Others
from ..processes.world import ALONE, World
from .protocol import Objective
from .table import SIDES


def open_side(
    batches: Batches, config: TrainConfig, corpus: StoredCorpus | None, others: Others | None = None, world: World = ALONE
) -> Objective:
    """Return what the steps of a run are.

    Args:
        batches: Which queries stand in which step.
        config: How.
        corpus: As it is stored; None where the configuration compares nothing with it.
        others: The other encoders that the configuration asks for; None: none.
        world: The processes that share each step.
    """
    module, name = SIDES[config.side].objective
    made: Objective = getattr(importlib.import_module(f".{module}", __package__), name)(
        batches, config, corpus, others or Others(config=config), world
    )
    return made
