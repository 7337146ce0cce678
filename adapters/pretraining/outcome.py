"""What a pretraining will do, and what it has given: as data, and as the command line's JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...base.load import Base
from ...base.spec import BaseSpec
from ...lora import WEIGHTS, LoraFactors
from ...registry import Entry, ScoreRecord
from ..strategies.table import open_strategy
from ..strategies.trained import factors_of
from .config import PretrainConfig
from .register import held_out_scores
from .run import PretrainResult
from .table import OBJECTIVES


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainPlan:
    """What a pretraining will do, before it does it; `interrupted`: how far a run of the same request came whose state is kept."""

    texts: int
    held_out: int
    pieces: int
    steps: int
    head_steps: int
    parameters: int
    file_bytes: int
    seconds: float
    base: BaseSpec
    device: str
    source: str
    config: PretrainConfig
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    interrupted: str | None

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        plain = {name: getattr(self, name) for name in ("texts", "held_out", "pieces", "steps", "head_steps", "parameters", "file_bytes")}
        return plain | {
            "seconds": self.seconds,
            "base": self.base.name,
            "base_fallback": self.base.fallback_reason,
            "source": self.source,
            "config": self.config.as_dict(),
            "notes": list(self.notes),
            "warnings": list(self.warnings),
            "interrupted": self.interrupted,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainOutcome:
    """What a pretraining has given.

    Attributes:
        config: How it was trained.
        base: What it was trained over.
        result: What the run did.
        entry: The version; None where it stays in memory.
        path: Its folder.
    """

    config: PretrainConfig
    base: Base = field(repr=False)
    result: PretrainResult = field(repr=False)
    entry: Entry | None = None
    path: Path | None = None

    @property
    def factors(self) -> LoraFactors:
        """What was trained, as its file gives it back."""
        return factors_of(open_strategy(self.config).as_read(self.result.run.trained))

    @property
    def scores(self) -> dict[str, ScoreRecord]:
        """The held-out loss before and after, as the registry keeps it."""
        return held_out_scores(self.config, self.result)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it, without the factors."""
        version: dict[str, Any] = {}
        if self.entry is not None:
            version = {"reference": self.entry.reference, "path": str(self.path), "bytes": self.entry.files[WEIGHTS].size}
        result = self.result
        return version | {
            "objective": self.config.objective,
            "held_out": {
                "metric": OBJECTIVES[self.config.objective].metric,
                "before": result.before,
                "after": result.after,
                "measured": [{"step": each.step, "loss": each.score} for each in result.run.evaluations],
            },
            "steps": result.run.steps,
            "head_steps": result.head_steps,
            "losses": result.run.losses,
        }
