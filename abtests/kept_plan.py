"""The plan of a test, kept beside its log before the first look, so that no later look chooses how the test is tuned."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

from .. import disk
from ..errors import ConfigError, DataError
from .log.folder import make_log_folder
from .measures.metrics import measure_named
from .plan_request import PlanRequest

PLAN = "plan.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptPlan:
    """What a report takes from a plan: the metric that decides, the smallest difference that matters, level and power."""

    metric: str
    effect: float
    alpha: float
    power: float


def kept_of(request: PlanRequest) -> KeptPlan:
    """Return what is kept of a plan."""
    return KeptPlan(metric=request.metric, effect=request.effect, alpha=request.alpha, power=request.power)


def keep_plan(folder: Path, plan: KeptPlan) -> None:
    """Write a plan beside a log, which is made where it is not there yet.

    Raises:
        ConfigError: another plan is kept there, or it cannot be written.
    """
    path = folder / PLAN
    if path.exists() and read_plan(folder) != plan:
        raise ConfigError(f"{path} keeps another plan; a plan is made before the first look: remove the file if no look was taken yet")
    make_log_folder(folder)
    try:
        disk.replace_file(path, json.dumps(asdict(plan)).encode() + b"\n")
    except OSError as e:
        raise ConfigError(f"{path} cannot be written: {e.strerror or e}") from e


def read_plan(folder: Path) -> KeptPlan | None:
    """Return the plan that is kept beside a log; None where there is none.

    Raises:
        DataError: it is damaged.
    """
    path = folder / PLAN
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        plan = KeptPlan(metric=measure_named(about["metric"]).name, **{name: float(about[name]) for name in ("effect", "alpha", "power")})
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as e:
        raise DataError(f"{path} cannot be read: {e.strerror or e}") from e
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError, ConfigError):
        raise DataError(_damaged(path)) from None
    if not (0 < plan.effect < math.inf and 0 < plan.alpha < 1 and 0 < plan.power < 1):
        raise DataError(_damaged(path))
    return plan


def _damaged(path: Path) -> str:
    return f"{path} is not a plan; expected metric, effect, alpha and power, as adapt ab plan --keep writes them"
