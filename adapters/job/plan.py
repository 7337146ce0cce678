"""What a job will do, before it does it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ...base.spec import BaseSpec
from ..after.gram_plan import GramPlan
from ..config import TrainConfig
from ..plan import TrainPlan
from .corpus import CorpusPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class FormerRun:
    """A run of the same request that was made before: `finished` is its version, or `run` names the state that was kept."""

    seed: int
    finished: str | None = None
    run: str | None = None
    step: int | None = None
    steps: int | None = None
    progress: str

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        if self.finished is not None:
            return {"seed": self.seed, "finished": self.finished, "progress": self.progress}
        return {"seed": self.seed, "run": self.run, "step": self.step, "steps": self.steps, "progress": self.progress}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPlan:
    """What a job will do.

    Attributes:
        run: Of the first run: its size, its time, and what will go wrong.
        corpus: What queries are compared with; None: with the passages of their batch alone.
        grams: What will be measured after each run; None: nothing.
        gram_seconds: How long that takes, an estimate.
        base: What will be trained over.
        device: The kind of device that computes.
        source: Where the data come from.
        notes: What there is to know of the data.
        config: Of the first run.
        seeds: Of the runs.
        resume: Whether interrupted runs go on.
        interrupted: What is there of the same request.
    """

    run: TrainPlan
    corpus: CorpusPlan | None
    grams: GramPlan | None
    gram_seconds: float
    base: BaseSpec
    device: str
    source: str
    notes: tuple[str, ...]
    config: TrainConfig
    seeds: range
    resume: bool
    interrupted: tuple[FormerRun, ...]

    @property
    def seconds(self) -> float:
        """How long a run takes with what comes before and after it, an estimate."""
        return (self.run.seconds or 0) + self.gram_seconds + (self.corpus.seconds if self.corpus else 0)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return asdict(self.run) | {
            "seconds": self.seconds,
            "corpus": self.corpus.as_dict() if self.corpus else None,
            "grams": asdict(self.grams) if self.grams else None,
            "base": self.base.name,
            "base_fallback": self.base.fallback_reason,
            "source": self.source,
            "config": self.config.as_dict(),
            "notes": list(self.notes),
            "seeds": list(self.seeds),
            "resume": self.resume,
            "interrupted": [each.as_dict() for each in self.interrupted],
        }
