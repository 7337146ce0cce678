"""What came of the best trial so far: the folder of a version that is not registered yet, with what its entry will say."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..adapters.job.seed_run import SeedRun
from ..adapters.register import draft_entry, write_adapter
from ..adapters.train import TrainResult
from ..base.sentence_files import write_json
from ..errors import RegistryError, TrainingError
from ..registry import Entry, Registry
from ..registry.stored import from_stored, to_stored

VERSION, ENTRY, TRIALS = "version", "entry.json", "sweep.json"
"""The folder of the version, what its entry says, and the file in the version that lists the trials."""


def write_best(folder: Path, name: str, domain: str, run: SeedRun, result: TrainResult) -> None:
    """Write what came of a trial into an empty folder."""
    parents = (run.start.parent,) if run.start else ()
    draft = draft_entry(name, domain, run.base, run.data, run.config, result, parents=parents)
    version = folder / VERSION
    version.mkdir()
    write_adapter(version, run.base, run.data, run.config, result)
    write_json(folder / ENTRY, to_stored(draft))


def register_best(registry: Registry, folder: Path, about: Mapping[str, Any], trials: Mapping[str, Any]) -> Entry:
    """Enter what came of a trial into the registry as a new version.

    Args:
        registry: Where to.
        folder: As `write_best` filled it.
        about: What its entry records of the sweep.
        trials: What the version's folder keeps of the trials.

    Raises:
        TrainingError: the folder is damaged, or not there.
        RegistryError: the registry cannot be written.
    """
    try:
        draft = from_stored(json.loads((folder / ENTRY).read_text(encoding="utf-8")))
    except (OSError, ValueError, RegistryError) as e:
        raise TrainingError(
            f"{folder} is damaged ({e}); what came of the best trial is lost: begin the sweep anew, without --resume"
        ) from e

    def write(target: Path) -> None:
        shutil.copytree(folder / VERSION, target, dirs_exist_ok=True)
        write_json(target / TRIALS, trials)

    return registry.add(replace(draft, config=draft.config | {"sweep": dict(about)}), write)
