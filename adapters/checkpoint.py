"""A run's state on disk: written whole or not at all, found again by what the run is."""

import contextlib
import hashlib
import json
import math
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from filelock import FileLock, Timeout

from ..base.load import Base
from ..data.pairs import Pairs, TrainingData
from ..disk import replace_file
from ..errors import TrainingError
from ..registry.runs import curve_of, facts_of, lock_of
from .config import TrainConfig
from .loop import Run

STATE = "state.pt"
SHARE = 20
"""Between two writes of a state passes at least so many times what the last one took."""


def run_id(config: TrainConfig, base: Base, data: TrainingData, index: str | None = None, *others: str) -> str:
    """Name a run by everything that determines its outcome: the same command on the same data is the same run.

    So does the content of an index that was given, and of what else is read (`others`: a guide, general texts, dev sets). The data's ids and hard negatives count as well (`fingerprint` leaves them out): batches and the dev set are drawn from them.
    """
    how = base.encoding
    of_base: tuple[object, ...] = (
        base.spec.sha256,
        how.pooling,
        how.query_prompt,
        how.document_prompt,
        how.longest(),
        base.tokenizer_hash,
        base.device.type,
    )
    of_base += () if base.head is None else (base.head.sha256(),)  # of runs over a base with a head of its own
    of_data = (data.corpus, _as_named(data.train), _as_named(data.dev) if data.dev else None)
    text = json.dumps([config.identity(), of_base, of_data, *([index] if index else []), *others], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _as_named(pairs: Pairs) -> dict[str, object]:
    """Return pairs as runs are named by them: without what came later, where there is none of it."""
    return {name: value for name, value in asdict(pairs).items() if value or name != "labels"}


@dataclass(slots=True)
class Checkpoint:
    """The state file of one run, and beside it what the run is, for those who do not read tensors.

    Attributes:
        folder: Where they lie.
        every_s: Least seconds between two writes while the run goes on; more, where writing takes more than a twentieth of them.
        about: What the list of runs shows of the run: its name, domain, base and data, and its settings for a page of curves.
    """

    folder: Path
    every_s: float = 20.0
    about: Mapping[str, object] = field(default_factory=dict)
    _last: float = field(default=-math.inf, init=False)
    _took_s: float = field(default=0.0, init=False)
    _last_step: int | None = field(default=None, init=False)
    _spares_former: bool = field(default=False, init=False)

    @property
    def path(self) -> Path:
        """Where the state lies."""
        return self.folder / STATE

    @property
    def spares_former(self) -> bool:
        """Whether the state of an interrupted run is still there, which this run has not replaced yet."""
        return self._spares_former

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Let others see, as long as this lasts, that the run is under way; where that cannot be shown, or another process is at it, go on."""
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(OSError, Timeout):
                self.folder.parent.mkdir(parents=True, exist_ok=True)
                stack.enter_context(FileLock(lock_of(self.folder), timeout=0))
                stack.callback(lock_of(self.folder).unlink, missing_ok=True)
            yield

    def begin(self, *, resume: bool) -> None:
        """Let a run that starts anew spare the state that an interrupted one left, until its own has been under way for `every_s`."""
        if not resume and self.path.exists():
            self._spares_former, self._last = self.every_s > 0, time.monotonic()

    def save_if_interrupted(self, run: Run) -> bool:
        """Save the state, unless that of an interrupted run is still there, and say whether one is kept."""
        if not self._spares_former:
            self.save(run)
        return not self._spares_former

    def save_when_due(self, run: Run) -> None:
        """Save the state if the last time was long enough ago, or always, where no time has to pass."""
        least_s = max(self.every_s, SHARE * self._took_s) if self.every_s else 0.0
        if time.monotonic() - self._last >= least_s:
            self.save(run)

    def save_at_end(self, run: Run) -> None:
        """Save the state of a finished run, unless it is saved."""
        if self._last_step != run.state.step:
            self.save(run)

    def save(self, run: Run) -> None:
        """Write the state beside its place, flush it to the disk, and put it in its place.

        Raises:
            TrainingError: it cannot be written.
        """
        temporary, started = self.path.with_suffix(f".{os.getpid()}.tmp"), time.monotonic()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            replace_file(self.path, lambda file: torch.save(run.as_dict(), file), temporary=temporary)
            facts = json.dumps(dict(self.about) | {"step": run.state.step, "steps": run.batches.steps}) + "\n"
            replace_file(facts_of(self.folder), facts.encode(), durability="none", temporary=temporary)
        except (OSError, RuntimeError) as e:  # torch's zip writer turns a full disk into a RuntimeError
            reason = e.strerror if isinstance(e, OSError) else "the disk may be full"
            raise TrainingError(
                f"the state of the run cannot be written to {self.folder} ({reason}); make room, or choose another --registry, and run again with --resume"
            ) from e
        self._last, self._last_step, self._spares_former = time.monotonic(), run.state.step, False
        self._took_s = self._last - started

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
        for file in (*self.folder.glob("state*"), facts_of(self.folder), curve_of(self.folder)):
            file.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.folder.rmdir()
