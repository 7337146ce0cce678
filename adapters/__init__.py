"""Training over a frozen base. The names are imported when they are asked for: a configuration needs no torch."""

from typing import TYPE_CHECKING

from ..lazy import lazily

if TYPE_CHECKING:
    from .checkpoint import Checkpoint, run_id
    from .config import TrainConfig, config_from
    from .plan import TrainPlan, plan_training
    from .train import TrainResult, train_adapter

__all__ = ["Checkpoint", "TrainConfig", "TrainPlan", "TrainResult", "config_from", "plan_training", "run_id", "train_adapter"]
_MODULES = {"checkpoint": ("Checkpoint", "run_id"), "config": ("TrainConfig", "config_from"), "plan": ("TrainPlan", "plan_training")}
__getattr__ = lazily(__name__, dict.fromkeys(__all__, "train") | {name: module for module, names in _MODULES.items() for name in names})
