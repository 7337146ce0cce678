"""Score references on tasks, through mteb, or find what mteb returned before. Its own cache of results is off: see `cells.py`."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import mteb
from mteb.abstasks import AbsTask

from ...cache import CacheFiles
from ...cache.encoders import over_store
from ...cache.vectors import VectorStore
from ...encoders.protocol import OnBatch
from ...errors import ConfigError
from ..dataset_bars import without_dataset_bars
from ..result import BenchedTask, BenchResult, Score
from ..tasks.notes import notes_of
from ..tasks.table import kind_of
from .cells import Caches, Cell
from .models import Model, check_tasks, share_documents
from .mteb_model import as_mteb_sees

_LOADER_BATCH = 512

OnCell = Callable[[Model, AbsTask, Cell], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchProgress:
    """What is reported after each batch: texts done and in all, of one model on one task."""

    task: str
    reference: str
    done: int
    total: int


def bench(
    models: Sequence[Model],
    tasks: Sequence[AbsTask],
    on_progress: Callable[[BenchProgress], None] | None = None,
    caches: Caches | None = None,
    on_cell: OnCell | None = None,
) -> BenchResult:
    """Score every model on every task.

    Args:
        models: The rows.
        tasks: The columns, each with a name of its own.
        on_progress: Called with how many texts are done; those that cost nothing count as done at once.
        caches: Where vectors and scores are looked for before they are computed, and kept; None: all are computed.
        on_cell: Given what mteb found of each model on each task, predictions and all, which is not kept in memory.

    Raises:
        AdaptError: a task is of a kind that the bench does not know or that a model cannot do, or an adapter does not fit its base.
    """
    check_bench(models, tasks)
    benched = tuple(describe_task(task) for task in tasks)
    with without_dataset_bars(), _with_shared_vectors(models, caches or Caches()) as kept:
        scores = tuple(_score(model, task, on_progress, kept, on_cell) for model in models for task in tasks)
    return BenchResult(tasks=benched, references=tuple(model.described() for model in models), scores=scores, mteb_version=version("mteb"))


def check_bench(models: Sequence[Model], tasks: Sequence[AbsTask]) -> None:
    """Refuse tasks that cannot be told apart, and a task that a model cannot do.

    Raises:
        ConfigError: there is one, or the bench does not know a task's kind.
    """
    names = [task.metadata.name for task in tasks]
    if twice := [name for row, name in enumerate(names) if name in names[:row]]:
        raise ConfigError(f"two tasks are called {twice[0]}; give each folder a name of its own, so that their scores can be told apart")
    check_tasks(models, tasks)


def describe_task(task: AbsTask) -> BenchedTask:
    """Return what the result says of a task."""
    kind = kind_of(task)
    return BenchedTask(
        name=task.metadata.name,
        type=task.metadata.type,
        split=task.eval_splits[0],
        revision=task.metadata.revision,
        items=kind.sizes(task)[kind.item],
        item=kind.item,
        notes=notes_of(task),
    )


def _score(
    model: Model, task: AbsTask, on_progress: Callable[[BenchProgress], None] | None, caches: Caches, on_cell: OnCell | None
) -> Score:
    kind, split, started = kind_of(task), task.eval_splits[0], time.monotonic()
    cell = caches.cells.find(model.identity, task, kind.metrics.values()) if caches.cells else None
    if cell is not None:
        _tell_all(model, task, on_progress)
    else:
        cell = _evaluate(_over(model, caches), task, on_progress)
        if caches.cells:
            caches.cells.add(model.identity, task, cell)
    if on_cell:
        on_cell(model, task, cell)
    scores = cell.scores(split)
    return Score(
        task=task.metadata.name,
        reference=model.name,
        metrics={metric: float(scores[key]) for metric, key in kind.metrics.items()},
        truncated=cell.truncated,
        seconds=round(time.monotonic() - started, 3),
        item_metric=kind.item_metric,
        items=kind.score_items(task, cell.predicted(split)),
    )


def _evaluate(model: Model, task: AbsTask, on_progress: Callable[[BenchProgress], None] | None) -> Cell:
    seen = as_mteb_sees(model.encoder, model.identity, _count_as_progress(model, task, on_progress))
    with TemporaryDirectory() as folder:
        found = mteb.evaluate(
            seen,
            task,
            cache=None,
            co2_tracker=False,
            encode_kwargs={"batch_size": _LOADER_BATCH, "show_progress_bar": False},
            prediction_folder=Path(folder),
            show_progress_bar=False,
        ).task_results[0]
        predictions = json.loads((Path(folder) / task.prediction_file_name).read_text(encoding="utf-8"))
    task_result = found.to_dict() | {"date": found.date and found.date.timestamp()}  # as mteb writes it, but unrounded
    return Cell(
        task_result=json.loads(json.dumps(task_result)),  # a kept cell and a new one are the same
        predictions=predictions,
        truncated=seen.truncated,
    )


@contextmanager
def _with_shared_vectors(models: Sequence[Model], caches: Caches) -> Iterator[Caches]:
    """Let models whose documents have the same vectors compute them once, where nothing is kept between benches too."""
    if caches.vectors is not None or not share_documents(models):
        yield caches
        return
    with TemporaryDirectory() as folder:
        yield replace(caches, vectors=VectorStore(CacheFiles(Path(folder))))


def _over(model: Model, caches: Caches) -> Model:
    return replace(model, encoder=over_store(model.encoder, caches.vectors)) if caches.vectors else model


def _tell_all(model: Model, task: AbsTask, on_progress: Callable[[BenchProgress], None] | None) -> None:
    if on_progress:
        total = _count_texts(task)
        on_progress(BenchProgress(task=task.metadata.name, reference=model.name, done=total, total=total))


def _count_texts(task: AbsTask) -> int:
    return sum(len(texts) for texts in kind_of(task).texts(task).values())


def _count_as_progress(model: Model, task: AbsTask, on_progress: Callable[[BenchProgress], None] | None) -> OnBatch | None:
    """Return what passes an encoder's batches on as progress."""
    if on_progress is None:
        return None
    total, done = _count_texts(task), 0

    def count(texts: int) -> None:
        nonlocal done
        done += texts
        on_progress(BenchProgress(task=task.metadata.name, reference=model.name, done=done, total=total))

    return count
