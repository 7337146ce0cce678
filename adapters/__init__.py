"""Training of one LoRA adapter over a frozen base."""

from .checkpoint import Checkpoint, run_id
from .config import TrainConfig, config_from
from .train import TrainPlan, TrainResult, plan_training, train_adapter

__all__ = ["Checkpoint", "TrainConfig", "TrainPlan", "TrainResult", "config_from", "plan_training", "run_id", "train_adapter"]
