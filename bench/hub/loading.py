"""MTEB's tasks, loaded: out of the Hub's cache where they lie there, else from the Hub, and otherwise listed as left out."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mteb.abstasks import AbsTask

from ...errors import DataError
from ...hub.datasets_cache import prepared_revisions
from ...hub.offline import hub_off
from ...hub.reach import hub_is_reachable, hub_silence
from ...hub.reasons import explain
from ...hub.snapshots import cached_snapshot
from ..dataset_bars import without_dataset_bars
from ..tasks.hub_task import HubTask
from .layout import lay_out

_ABOUT_ALONE = {"README.md", ".gitattributes"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The tasks that can run, and the ones that cannot: name -> why."""

    tasks: tuple[AbsTask, ...]
    left_out: dict[str, str]


def load_hub_tasks(wanted: Sequence[HubTask], *, offline: bool, on_task: Callable[[str], None] | None = None) -> Loaded:
    """Load tasks.

    Args:
        wanted: Each is changed: see `lay_out`.
        offline: Take what the cache holds, and do not ask the Hub.
        on_task: Called with the name of each task that is read from the Hub, before it is.
    """
    tasks, left_out = [], {}
    for hub_task in wanted:
        try:
            tasks.append(_load(hub_task, offline, on_task))
        except DataError as e:
            left_out[hub_task.name] = str(e)
    return Loaded(tasks=tuple(tasks), left_out=left_out)


def is_cached(hub_task: HubTask) -> bool:
    """Return whether a task's data set lies in a cache of the Hub's at mteb's very revision."""
    return _snapshot(hub_task) is not None or _is_prepared(hub_task)


def _load(hub_task: HubTask, offline: bool, on_task: Callable[[str], None] | None) -> AbsTask:
    asks_hub = not offline and hub_is_reachable()
    if not asks_hub and not is_cached(hub_task):
        raise DataError("not in the cache" + ("" if offline else f", and {hub_silence()}"))
    if asks_hub and on_task and not is_cached(hub_task):
        on_task(hub_task.name)
    try:
        with without_dataset_bars(hide=not sys.stderr.isatty()):  # bars are for people
            if asks_hub:
                hub_task.task.load_data()
            else:
                _load_cached(hub_task)
            return lay_out(hub_task)
    except DataError:
        raise
    except Exception as e:  # datasets, its readers and mteb raise a dozen unrelated types
        raise DataError(f"it could not be loaded: {explain(e, repo=hub_task.source)}") from e


def _load_cached(hub_task: HubTask) -> None:
    """Read the files of the Hub's cache; else, where the files of another subset are missing that reading needs, what `datasets` made of them."""
    snapshot, is_prepared = _snapshot(hub_task), _is_prepared(hub_task)
    with hub_off():
        try:
            _load_from(hub_task, snapshot)
        except (FileNotFoundError, ValueError):
            if snapshot is None or not is_prepared:
                raise
            _load_from(hub_task, None)


def _load_from(hub_task: HubTask, folder: Path | None) -> None:
    """Have mteb load a task's data set from a folder, or from where its name leads (None)."""
    task, metadata = hub_task.task, hub_task.task.metadata
    if folder is not None:
        task.metadata = metadata.model_copy(update={"dataset": {**metadata.dataset, "path": str(folder)}})
    try:
        task.load_data()
    finally:
        task.metadata = metadata


def _snapshot(hub_task: HubTask) -> Path | None:
    """Return the folder in which the Hub's client keeps the files of a data set at a revision, if any of its data are there."""
    dataset = hub_task.task.metadata.dataset
    folder = cached_snapshot(dataset["path"], dataset["revision"], repo_type="dataset")
    return folder if folder and any(path.is_file() and path.name not in _ABOUT_ALONE for path in folder.rglob("*")) else None


def _is_prepared(hub_task: HubTask) -> bool:
    """Return whether `datasets` has made tables of the subset at this revision and of no other one: without the Hub it takes the newest.

    A ranking task has parts that cannot be known from there (candidates, instructions), and is read from its files alone.
    """
    if hub_task.task.metadata.type in ("Retrieval", "Reranking"):
        return False
    config = hub_task.task.metadata.dataset.get("name") or hub_task.subset
    return prepared_revisions(hub_task.source, config) == {hub_task.task.metadata.dataset["revision"]}
