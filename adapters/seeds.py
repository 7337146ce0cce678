"""Training runs of one command that differ in the seed alone: what holds them together, and which of them are finished."""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path

from ..disk import replace_file
from ..errors import TrainingError
from ..registry import Entry, Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedMember:
    """One run of a group, as its entry records it under `config["seeds"]`: the group, how many runs it has, and what names this run."""

    group: str
    of: int
    run: str

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON can hold it."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedGroup:
    """The runs of one command. `path` is the file that says which group is under way, until all are finished."""

    group: str
    of: int
    path: Path
    was_interrupted: bool

    def member(self, run: str) -> SeedMember:
        """Return what the entry of one run records."""
        return SeedMember(group=self.group, of=self.of, run=run)

    def find_finished(self, registry: Registry, name: str, run: str) -> Entry | None:
        """Return the version that a run of this group became; None where it is not finished."""
        recorded = self.member(run).as_dict()
        return next((entry for entry in registry.entries() if entry.name == name and entry.config.get("seeds") == recorded), None)

    def close(self) -> None:
        """Forget that it is under way."""
        self.path.unlink(missing_ok=True)


def open_group(runs: Path, name: str, first_run: str, of: int, *, resume: bool) -> SeedGroup:
    """Begin a group, or go on with the one that the same command began.

    The command is known by the name, the number of runs and the first run, which stands for configuration, base and data. Which versions
    belong to it is decided by an id that is drawn anew by each call without `resume`, so that the same command given twice makes two groups.

    Args:
        runs: The folder of unfinished runs.
        name: Of the adapters in the registry.
        first_run: What `run_id` calls the run of the first seed.
        of: How many seeds.
        resume: Go on with the group that is under way, where there is one.

    Raises:
        TrainingError: the group cannot be recorded, or its record is damaged.
    """
    former = find_group(runs, name, first_run, of) if resume else None
    if former is not None:
        return former
    path = _record(runs, name, first_run, of)
    group = uuid.uuid4().hex[:12]
    try:
        runs.mkdir(parents=True, exist_ok=True)
        replace_file(path, (json.dumps({"group": group, "name": name, "of": of}, ensure_ascii=False) + "\n").encode())
    except OSError as e:
        raise TrainingError(f"{path} cannot be written ({e.strerror}); choose another --registry") from e
    return SeedGroup(group=group, of=of, path=path, was_interrupted=False)


def find_group(runs: Path, name: str, first_run: str, of: int) -> SeedGroup | None:
    """Return the group that the same command (as in `open_group`) began and did not finish; None where there is none.

    Raises:
        TrainingError: its record is damaged.
    """
    path = _record(runs, name, first_run, of)
    return SeedGroup(group=_read(path), of=of, path=path, was_interrupted=True) if path.is_file() else None


def _record(runs: Path, name: str, first_run: str, of: int) -> Path:
    return runs / f"seeds-{hashlib.sha256(json.dumps([name, first_run, of]).encode()).hexdigest()[:16]}.json"


def _read(path: Path) -> str:
    try:
        group = json.loads(path.read_text(encoding="utf-8"))["group"]
        if not isinstance(group, str):
            raise TypeError("group is not a text")
    except (OSError, ValueError, LookupError, TypeError) as e:
        raise TrainingError(f"{path} is damaged ({e}); start afresh without --resume") from e
    return group
