"""What mteb found of one model on one task, kept on disk and found again where nothing that it depends on has changed.

mteb's own ResultCache is not used: it takes a complete result of a task's name for that task's, whatever the revision of its data,
keeps no predictions, and its files are written in place.
"""

import gzip
import hashlib
import json
import zlib
from collections.abc import Collection
from dataclasses import dataclass, fields
from pathlib import Path

from mteb.abstasks import AbsTask

from ...cache import CacheFiles, open_cache_files
from ...cache.vectors import VectorStore
from ...versions import library_versions
from ..request import CachePolicy
from .identity import Identity

_FORMAT = 1
_SPEED_OVER_SIZE = 1  # gzip's level: predictions are digits, of which more effort saves little


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One model on one task.

    Attributes:
        task_result: What mteb writes into its own result files (`TaskResult`), unrounded.
        predictions: What mteb saved of them: subset -> split -> its predictions.
        truncated: How many texts were.
    """

    task_result: dict
    predictions: dict
    truncated: int

    def scores(self, split: str) -> dict:
        """Return mteb's scores of a split, of its first subset."""
        scores: dict = self.task_result["scores"][split][0]
        return scores

    def predicted(self, split: str) -> dict:
        """Return the predictions of a split, of the same subset."""
        predicted: dict = self.predictions[self.scores(split)["hf_subset"]][split]
        return predicted


@dataclass(slots=True)
class CellStore:
    """The kept cells. `reads` False: they are written and not read. `found` and `added` count those had from here and put here."""

    files: CacheFiles
    reads: bool = True
    found: int = 0
    added: int = 0

    def holds(self, identity: Identity, task: AbsTask) -> bool:
        """Return whether there is a cell to be read."""
        return self.reads and self._path(_describe(identity, task)).is_file()

    def find(self, identity: Identity, task: AbsTask, metrics: Collection[str]) -> Cell | None:
        """Return a cell with these of mteb's scores and with its predictions; None: there is none. A damaged one is removed."""
        of = _describe(identity, task)
        path = self._path(of)
        if not self.reads or not path.is_file():
            return None
        try:
            kept = json.loads(gzip.decompress(path.read_bytes()))
            cell, split = Cell(**kept["cell"]), task.eval_splits[0]
            if kept["of"] != of or not cell.predicted(split):
                raise ValueError("the predictions are missing, or it is of something else")
            if not set(metrics) <= cell.scores(split).keys():
                return None
        except FileNotFoundError:
            return None  # removed meanwhile by eviction
        except (OSError, EOFError, zlib.error, ValueError, LookupError, TypeError, AttributeError):
            self.files.drop_damaged(path)
            return None
        self.files.mark_used(path)
        self.found += 1
        return cell

    def add(self, identity: Identity, task: AbsTask, cell: Cell) -> None:
        """Keep a cell."""
        of = _describe(identity, task)
        kept = {own.name: getattr(cell, own.name) for own in fields(cell)}  # not asdict: it would copy millions of numbers
        content = json.dumps({"of": of, "cell": kept}).encode()
        self.files.write(self._path(of), gzip.compress(content, _SPEED_OVER_SIZE))
        self.added += 1

    def _path(self, of: dict) -> Path:
        name = hashlib.sha256(json.dumps(of, sort_keys=True).encode()).hexdigest()
        return self.files.folder / "scores" / f"{name}.json.gz"


@dataclass(slots=True)
class Caches:
    """Where a bench looks before it computes; None: it computes all."""

    vectors: VectorStore | None = None
    cells: CellStore | None = None

    def describe_use(self) -> list[str]:
        """Return lines that say what a bench found, and what went wrong with what is kept."""
        if self.vectors is None or self.cells is None:
            return []
        files, found = self.vectors.files, self.cells.found
        lines = [f"{files.damaged} damaged files were removed from {files.folder} and computed anew"] if files.damaged else []
        if files.problem:
            lines.append(f"nothing more could be kept: {files.problem}")
        if found or self.vectors.found:
            lines.append(
                f"kept from before: {found} of {found + self.cells.added} scores, and {self.vectors.found} of "
                f"{self.vectors.found + self.vectors.added} vectors of the rest (in {files.folder}; --fresh scores anew, --no-cache computes all)"
            )
        return lines

    def describe_interruption(self, cells: int) -> list[str]:
        """Return a line that says what of `cells` scores an interrupted bench has kept."""
        if self.vectors is None or self.cells is None or self.vectors.files.problem:
            return []
        scored, vectors = self.cells.found + self.cells.added, self.vectors.added
        return [f"interrupted; {scored} of {cells} scores and {vectors} new vectors are kept: the same command goes on from there"]


def open_caches(policy: CachePolicy) -> Caches:
    """Return the caches, which are empty hands where nothing is to be kept.

    Raises:
        ConfigError: `ADAPT_CACHE_SIZE` is not a size.
    """
    if not policy.use_cache:
        return Caches()
    files = open_cache_files(policy.cache_size)
    return Caches(vectors=VectorStore(files), cells=CellStore(files, reads=not policy.fresh))


def _describe(identity: Identity, task: AbsTask) -> dict:
    """Return what a cell depends on. The name that the user gave a reference does not count: its content does."""
    return {
        "format": _FORMAT,
        "reference": identity.revision,
        "precision": identity.precision,
        "max_tokens": identity.max_tokens,
        "task": task.metadata.name,
        "classes": [cls.__qualname__ for cls in type(task).__mro__],
        "revision": task.metadata.revision,
        "splits": list(task.eval_splits),
        "subsets": list(task.hf_subsets),
        "software": library_versions("mteb", "torch", "transformers", "scikit-learn", "scipy"),
    }
