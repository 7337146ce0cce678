"""All groups of settings in one."""

from __future__ import annotations

from dataclasses import dataclass

from .batches import BatchSettings
from .evaluation import EvaluationSettings
from .loss import LossSettings
from .optimiser import OptimiserSettings
from .regularisation import RegularisationSettings
from .run import RunSettings
from .schedule import ScheduleSettings
from .strategy import StrategySettings


@dataclass(frozen=True, kw_only=True)
class TrainSettings(
    RunSettings,
    EvaluationSettings,
    RegularisationSettings,
    ScheduleSettings,
    OptimiserSettings,
    StrategySettings,
    LossSettings,
    BatchSettings,
):  # of several classes the last one's fields come first
    """How to train: all groups of settings in one. What reads a group takes that group, so that its type says what it reads.

    What each setting is stands in its annotation (`settings/`), which `docs/training.md` shows.
    Source of the defaults: the BGE recipe, changed where measurements on dev said so (docs/log/).
    """
