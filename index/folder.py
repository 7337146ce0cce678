"""An index's folder, opened: its rows by number and by id, its vectors mapped, its files checked."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..disk import file_sha256
from ..errors import DataError
from ..events import QUIET, Events
from ..files import near_files
from .manifest import BUILDING, MANIFEST, SHARDS, Manifest, read_manifest

if TYPE_CHECKING:
    from .shard import Shard
    from .vectors import StoredVectors


@dataclass(frozen=True, eq=False)
class IndexFolder:
    """An index that is whole."""

    path: Path
    manifest: Manifest

    @property
    def count(self) -> int:
        """How many rows it has."""
        return self.manifest.count

    @cached_property
    def shards(self) -> tuple[Shard, ...]:
        """Its shards, mapped; raises DataError where one is not there, cut, or another."""
        from .shard import open_shard

        about = self.manifest
        return tuple(open_shard(self.path / shard.file, shard, about.dimension, about.vectors) for shard in about.shards)

    @cached_property
    def _ends(self) -> list[int]:
        return list(accumulate(shard.rows for shard in self.manifest.shards))

    def vectors(self) -> StoredVectors:
        """Return its vectors, mapped."""
        from .vectors import StoredVectors

        shards = self.shards
        return StoredVectors(
            parts=tuple(shard.vectors for shard in shards),
            count=self.count,
            dimension=self.manifest.dimension,
            content=self.manifest.content,
            files=tuple(shard.file for shard in shards),
        )

    def id(self, row: int) -> str:
        """Return the id of a row."""
        shard, own = self._place(row)
        return shard.id(own)

    def text(self, row: int) -> str | None:
        """Return the text of a row; None: texts are not kept."""
        shard, own = self._place(row)
        return shard.text(own) if self.manifest.has_texts else None

    def ids(self) -> Iterator[str]:
        """Yield all ids in their order."""
        for shard in self.shards:
            yield from shard.ids()

    def rows_of(self, ids: Sequence[str]) -> list[int | None]:
        """Return the row of each id; None: it is not in the index."""
        from .shard import hash_ids

        found: list[int | None] = [None] * len(ids)
        hashes, start = hash_ids(ids), 0
        for shard in self.shards:
            for row in np.flatnonzero((own := shard.find(hashes)) >= 0).tolist():
                if shard.id(int(own[row])) == ids[row]:
                    found[row] = start + int(own[row])
            start += len(shard.vectors)
        return found

    def _place(self, row: int) -> tuple[Shard, int]:
        number = bisect_right(self._ends, row)
        return self.shards[number], row - (self._ends[number - 1] if number else 0)


def open_index(path: Path) -> IndexFolder:
    """Open an index; its shards are mapped when they are first needed.

    Raises:
        DataError: it is not there, was not finished, is damaged, or in a newer format.
    """
    path = path.expanduser()
    if not path.is_dir():
        raise DataError(f"the index {path} does not exist; make one with: adapt index build CORPUS -o {path}{near_files(path)}")
    if not (path / MANIFEST).is_file():
        if (path / BUILDING).is_file():
            raise DataError(f"the index {path} is not finished; the command that began it goes on where it stopped")
        raise DataError(f"{path} is not an index: it holds no {MANIFEST}; make one with: adapt index build CORPUS -o DIR")
    return IndexFolder(path, read_manifest(path / MANIFEST))


def find_faults(index: IndexFolder, events: Events = QUIET) -> list[str]:
    """Return what is wrong with an index's files, a line each; none where every file is what was written, and every vector of length 1."""
    from .shard import open_shard
    from .vectors import FROM_LENGTH_1

    faults: list[str] = []
    about = index.manifest
    for number, record in enumerate(about.shards):
        events.progress("checking", number, len(about.shards), "files")
        try:
            shard = open_shard(index.path / record.file, record, about.dimension, about.vectors)
        except DataError as e:
            faults.append(str(e))
            continue
        if file_sha256(index.path / record.file) != record.sha256:
            faults.append(f"{record.file} is damaged: its sha256 is not the one that was written; copy it again")
        elif wrong := int((abs(shard.vectors.float().norm(dim=1) - 1) > FROM_LENGTH_1).sum()):
            faults.append(f"{record.file} holds {wrong} vectors that are not of length 1")
    named = {record.file for record in about.shards}
    if strays := sorted(file.name for file in index.path.glob(SHARDS) if file.name not in named):
        faults.append(
            f"{', '.join(strays[:3])} {'and others ' if len(strays) > 3 else ''}are not in the index: an addition was interrupted; run it again, or remove them"
        )
    return faults
