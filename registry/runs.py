"""The folder `runs` of a registry: training runs that are under way or were interrupted, listed without their weights being read."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from .. import disk
from ..errors import RegistryError, UnknownReferenceError
from ..plurals import count

RUNS = "runs"


def facts_of(folder: Path) -> Path:
    """Return the file beside a run's folder that says what the run is and how far it came."""
    return folder.with_name(f"{folder.name}.json")


def curve_of(folder: Path) -> Path:
    """Return the file beside a run's folder that has a line for each step (`curve_file.py`)."""
    return folder.with_name(f"{folder.name}.curve.jsonl")


def lock_of(folder: Path) -> Path:
    """Return the file beside a run's folder that the run holds while it goes on."""
    return folder.with_name(f"{folder.name}.lock")


@dataclass(frozen=True, slots=True, kw_only=True)
class InterruptedRun:
    """A run whose state is kept.

    Attributes:
        id: The name of its folder, or of the record of a group of seeds without its ending.
        path: The folder, or the record.
        name: What its adapter will be called; it, `domain`, `base`, `data`, `step` and `steps` are None where that is not known.
        domain: What it is for.
        base: The base's name.
        data: Where its data come from.
        step: After how many steps its state was written last.
        steps: How many it has.
        of: How many runs a group of seeds has; None for a run.
        trials: How many trials of a sweep are done; None for what is no sweep.
        trials_of: How many it is to have.
        finished: The version that the best trial of a finished sweep became.
        updated: When its state was written last, ISO 8601, UTC.
        size: The bytes that it takes.
        is_running: Whether a process is at it.
    """

    id: str
    path: Path
    name: str | None = None
    domain: str | None = None
    base: str | None = None
    data: str | None = None
    step: int | None = None
    steps: int | None = None
    of: int | None = None
    trials: int | None = None
    trials_of: int | None = None
    finished: str | None = None
    updated: str
    size: int
    is_running: bool

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON can hold it."""
        return asdict(self) | {"path": str(self.path)}

    def describe_progress(self) -> str:
        """Describe how far it came."""
        if self.of is not None:
            return f"a group of {self.of} seeds"
        if self.finished is not None:
            return f"a sweep that is finished after {count(self.trials or 0, 'trial')}, as {self.finished}"
        if self.trials is not None:
            return f"a sweep, {self.trials} of {self.trials_of or '?'} trials done"
        if self.step is None:
            return "at a step that its files do not state"
        return f"after step {self.step}" + (f" of {self.steps}" if self.steps else "")

    def describe(self) -> str:
        """Return what it is and how far it came, as a line."""
        what = ", ".join(part for part in (self.name, self.domain and f"domain {self.domain}", self.base and f"on {self.base}") if part)
        return f"{what or 'a run of which no more is known'}, {self.describe_progress()}, last written {self.age}"

    @property
    def age(self) -> str:
        """How long ago its state was written, as text."""
        seconds = max(0, int((datetime.now(UTC) - datetime.fromisoformat(self.updated)).total_seconds()))
        for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
            if seconds >= length:
                return f"{count(seconds // length, unit)} ago"
        return f"{count(seconds, 'second')} ago"


def list_runs(home: Path) -> list[InterruptedRun]:
    """List the runs that are under way or were interrupted, the latest first, and the groups of seeds that are not finished."""
    runs = home / RUNS
    folders = [path for path in runs.glob("*") if path.is_dir() and any(path.iterdir())]
    found = [describe_run(path) for path in (*folders, *runs.glob("seeds-*.json"))]
    return sorted(found, key=lambda run: (run.updated, run.id), reverse=True)


def describe_run(path: Path) -> InterruptedRun:
    """Return what is known of a run by its folder, or of a group of seeds by its record; what cannot be read is not known."""
    files = [*path.rglob("*"), facts_of(path), curve_of(path)] if path.is_dir() else [path]
    sizes = [found for file in files if (found := _stat(file)) is not None]
    written = max((each.st_mtime for each in sizes), default=path.stat().st_mtime)
    facts = read_run_facts(facts_of(path) if path.is_dir() else path)
    texts = {key: facts[key] for key in ("name", "domain", "base", "data", "finished") if isinstance(facts.get(key), str)}
    numbers = {key: facts[key] for key in ("step", "steps", "of", "trials", "trials_of") if isinstance(facts.get(key), int)}
    return InterruptedRun(
        id=path.name.removesuffix(".json"),
        path=path,
        **texts,  # type: ignore[arg-type]
        **numbers,  # type: ignore[arg-type]
        updated=datetime.fromtimestamp(written, UTC).isoformat(timespec="seconds"),
        size=sum(each.st_size for each in sizes),
        is_running=path.is_dir() and _is_held(lock_of(path)),
    )


def find_run(home: Path, text: str) -> InterruptedRun:
    """Return the run whose id is, or begins with, a text.

    Raises:
        UnknownReferenceError: there is none, or more than one.
    """
    runs = list_runs(home)
    found = [run for run in runs if run.id == text] or [run for run in runs if text and run.id.startswith(text)]
    if len(found) != 1:
        what = f"{text!r} begins the ids of {len(found)} runs" if found else f"unknown run {text!r}"
        known = ", ".join(run.id for run in found or runs) or "none"
        raise UnknownReferenceError(f"{what}; interrupted runs: {known} (what they are: adapt runs)")
    return found[0]


def remove_run(run: InterruptedRun) -> None:
    """Remove what is kept of a run.

    Raises:
        RegistryError: a process is at it, or it cannot be removed.
    """
    if run.is_running:
        raise RegistryError(f"the run {run.id} is under way; stop it first (Ctrl-C where it runs), then remove it")
    try:
        if run.path.is_dir():
            disk.remove_tree(run.path)
            facts_of(run.path).unlink(missing_ok=True)
            curve_of(run.path).unlink(missing_ok=True)
            lock_of(run.path).unlink(missing_ok=True)
        else:
            run.path.unlink(missing_ok=True)
    except OSError as e:
        raise RegistryError(f"{run.path} cannot be removed: {e.strerror or e}") from e


def _stat(path: Path) -> os.stat_result | None:
    """Return what the system knows of a file; None of a folder, and of what is gone: a run that goes on removes files."""
    try:
        return path.stat() if path.is_file() else None
    except OSError:
        return None


def read_run_facts(path: Path) -> dict[str, object]:
    """Return what the file beside a run's folder says; empty where it cannot be read."""
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def _is_held(lock: Path) -> bool:
    if not lock.exists():
        return False
    try:
        with FileLock(lock, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:
        return False  # a registry that is only read: nobody trains in it
