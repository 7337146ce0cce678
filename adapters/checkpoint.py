"""A run's state on disk: written whole or not at all, found again by what the run is."""

import contextlib
import hashlib
import json
import math
import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch

from ..base.load import Base
from ..data.retrieval import TrainingData
from ..errors import TrainingError
from .config import TrainConfig
from .loop import Run

STATE = "state.pt"


def run_id(config: TrainConfig, base: Base, data: TrainingData) -> str:
    """Name a run by everything that determines its outcome: the same command on the same data is the same run.

    The data's ids and hard negatives count as well (`fingerprint` leaves them out): batches and the dev set are drawn from them.
    """
    spec = base.spec
    of_base = (spec.sha256, spec.pooling, spec.query_prompt, spec.document_prompt, spec.longest(), base.tokenizer_hash, base.device.type)
    of_data = (data.corpus, asdict(data.train), asdict(data.dev) if data.dev else None)
    text = json.dumps([config.as_dict(), of_base, of_data], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(slots=True)
class Checkpoint:
    """The state file of one run. `every_s`: least seconds between two writes while the run goes on."""

    folder: Path
    every_s: float = 20.0
    _last: float = field(default=-math.inf, init=False)

    @property
    def path(self) -> Path:
        """Where the state lies."""
        return self.folder / STATE

    def save_when_due(self, run: Run) -> None:
        """Save the state if the last time was long enough ago."""
        if time.monotonic() - self._last >= self.every_s:
            self.save(run)

    def save(self, run: Run) -> None:
        """Write the state beside its place, flush it to the disk, and put it in its place.

        Raises:
            TrainingError: it cannot be written.
        """
        temporary = self.path.with_suffix(f".{os.getpid()}.tmp")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                torch.save(run.as_dict(), file)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.path)
        except (OSError, RuntimeError) as e:  # torch's zip writer turns a full disk into a RuntimeError
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            reason = e.strerror if isinstance(e, OSError) else "the disk may be full"
            raise TrainingError(
                f"the state of the run cannot be written to {self.folder} ({reason}); make room, or choose another --registry, and run again with --resume"
            ) from e
        self._last = time.monotonic()

    def restore(self, run: Run) -> bool:
        """Put a saved state back into a run; False where there is none.

        Raises:
            TrainingError: the file is damaged.
        """
        if not self.path.exists():
            return False
        try:
            run.restore(torch.load(self.path, map_location="cpu", weights_only=True))  # the run puts each tensor on its device
        except Exception as e:  # torch.load raises pickle, zip, runtime and key errors for damaged files
            raise TrainingError(
                f"{self.path} is damaged ({(str(e) or type(e).__name__).splitlines()[0]}); start afresh without --resume"
            ) from e
        return True

    def discard(self) -> None:
        """Remove the state and what an interrupted write left."""
        for file in self.folder.glob("state*"):
            file.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.folder.rmdir()
