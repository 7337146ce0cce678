"""What a training has given: as data, as the command line's JSON, and what is to be said of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ...base.fingerprint import WEIGHTS as MODEL_WEIGHTS
from ...base.load import Base
from ...events import Events
from ...lora import BIASES, WEIGHTS, LoraFactors, read_lora
from ...metrics import Spread, spread_of
from ...registry import Entry, ScoreRecord
from ..after.grams import MeasuredGrams
from ..config import TrainConfig
from ..register import describe_scores
from ..strategies.table import open_strategy
from ..strategies.trained import factors_of, no_factors
from ..train import TrainResult
from .corpus import CorpusPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedVersion:
    """What one run has given.

    Attributes:
        config: How it was trained.
        base: What it was trained over.
        result: What the run did; None for a version of an interrupted group that was finished before.
        grams: What was measured afterwards; None: nothing, or before.
        corpus: What queries were compared with, and what the base found in it; None: with batches alone, or before.
        entry: The version; None where it stays in memory.
        path: Its folder.
    """

    config: TrainConfig
    base: Base = field(repr=False)
    result: TrainResult | None = field(repr=False)
    grams: MeasuredGrams | None = field(default=None, repr=False)
    corpus: CorpusPlan | None = field(default=None, repr=False)
    entry: Entry | None = None
    path: Path | None = None

    @property
    def factors(self) -> LoraFactors:
        """What was trained, as its file gives it back: in float32, rounded to the file's number format.

        Raises:
            AdapterError: it is a whole model, which has no factors.
        """
        if self.result is not None:
            return factors_of(open_strategy(self.config).as_read(self.result.trained))
        if self.is_model:
            raise no_factors()
        assert self.path is not None  # it was finished before
        return read_lora(self.path)

    @property
    def energy(self) -> dict[str, float] | None:
        """How much of the changes is kept, as shares: of all, and of each kind; None: all that was trained."""
        if self.entry is not None:
            return self.entry.config.get("energy")
        return self.result.energy.as_dict() if self.result is not None and self.result.energy is not None else None

    @property
    def dev(self) -> ScoreRecord | None:
        """The score on dev before training and after; None without a dev split."""
        if self.entry is not None:
            return self.entry.dev
        return describe_scores(self.result).get("dev") if self.result is not None else None

    @property
    def beside(self) -> dict[str, ScoreRecord]:
        """The scores beside the main one, by what they are called: of other dev sets, and of general ability."""
        scores = self.entry.scores if self.entry is not None else describe_scores(self.result) if self.result is not None else {}
        return {name: score for name, score in scores.items() if name != "dev"}

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it, without the factors."""
        version: dict[str, Any] = {}
        if self.entry is not None:
            version = {"reference": self.entry.reference, "path": str(self.path), "bytes": self._bytes(self.entry)}
        return (
            version
            | {
                "dev": asdict(self.dev) if self.dev else None,
                "steps": self.result.steps if self.result else None,
                "losses": self.result.losses if self.result else None,
                "grams": self._describe_grams(),
            }
            | ({"beside": {name: asdict(score) for name, score in self.beside.items()}} if self.beside else {})
            | ({"corpus": self.corpus.as_dict()} if self.corpus else {})
            | ({"energy": self.energy} if self.energy else {})
        )

    @property
    def is_model(self) -> bool:
        """Whether a whole model is kept."""
        return self.config.keep == "model"

    def _bytes(self, entry: Entry) -> int:
        """Return the bytes of the files with weights."""
        return sum(entry.files[name].size for name in (MODEL_WEIGHTS, WEIGHTS, BIASES) if name in entry.files)

    def as_row(self) -> dict[str, Any]:
        """Return it as one of several."""
        version = {"reference": self.entry.reference} if self.entry is not None else {}
        path = {"path": str(self.path)} if self.path is not None else {}
        return version | {"seed": self.config.seed} | path | {"dev": asdict(self.dev) if self.dev else None}

    def _describe_grams(self) -> dict[str, Any] | None:
        if self.entry is not None:
            return self.entry.data.grams if self.entry.data else None
        return self.grams.as_dict() if self.grams else None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOutcome:
    """What a job has given: a version for each seed. `group` names the versions of several seeds that are registered."""

    versions: tuple[TrainedVersion, ...]
    group: str | None = None

    @property
    def spread(self) -> Spread | None:
        """How the scores on dev scatter; None for a single one."""
        scores = [each.dev.after for each in self.versions if each.dev and each.dev.after is not None]
        return spread_of(scores) if len(scores) > 1 else None

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it: of one seed its version, else all of them and the spread of their scores."""
        if len(self.versions) == 1:
            return self.versions[0].as_dict()
        spread, rows = self.spread, [each.as_row() for each in self.versions]
        return {"group": self.group, "of": len(rows), "versions": rows, "dev": asdict(spread) if spread else None}


def note_shortcomings(outcome: TrainOutcome, events: Events) -> None:
    """Say that nothing was gained, where that is so."""
    first = outcome.versions[0].dev
    if first is None or first.before is None or first.after is None:
        return
    if len(outcome.versions) == 1 and first.after <= first.before:
        events.note("warning: no gain on dev. Try a lower learning_rate, more pairs, or a larger batch_size; see docs/training.md")
    elif outcome.spread and outcome.spread.mean <= first.before:
        events.note(f"warning: no gain on dev over the base's {first.before:.4f}, on the mean of the seeds; see docs/training.md")
