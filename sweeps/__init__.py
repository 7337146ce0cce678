"""Sweeps: many training runs over one base and one reading of the data, whose settings are drawn by what earlier ones gave, scored on dev."""

from typing import TYPE_CHECKING

from ..lazy import lazily

if TYPE_CHECKING:
    from .job import SweepJob
    from .outcome import SweepOutcome
    from .prepare import prepare_sweep
    from .request import SweepRequest

__all__ = ["SweepJob", "SweepOutcome", "SweepRequest", "prepare_sweep"]
__getattr__ = lazily(__name__, {"SweepJob": "job", "SweepOutcome": "outcome", "SweepRequest": "request", "prepare_sweep": "prepare"})
