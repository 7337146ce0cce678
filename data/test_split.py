"""The test split that lies beside training data: what a bench scores, and tools for data count and compare. Training never opens it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from .beir import BeirFolder, missing_parts
from .joining import join_data
from .lines_folder import LinesFolder, is_lines_folder
from .pairs import Corpus, Pairs, TrainingData
from .read_options import ReadOptions
from .source_words import Sources, find_sources

_TEST = "test"


def has_test_split(source: object) -> bool:
    """Return whether a source, or one of several, is a folder with a test split; nothing is read."""
    return bool(_folders_of(source))


def read_test_split(source: object, read: ReadOptions | None = None) -> tuple[Pairs, Corpus] | None:
    """Read the test split of a folder with the corpus that its ids belong to; None where the source has none.

    Of several sources those that have one are joined. Judgements of a BEIR folder that name what is not there are left out.

    Args:
        source: What `adapt train --data` takes.
        read: How lines are read; None: as UTF-8. A bad row is an error whatever it says, because a test split is never made smaller.

    Raises:
        DataError: one is malformed, or empty.
    """
    folders = _folders_of(source, read and replace(read, skip_bad=False))
    if not folders:
        return None
    joined = join_data([_as_data(folder) for folder in folders])
    return joined.train, joined.corpus


def _as_data(folder: LinesFolder | BeirFolder) -> TrainingData:
    read = folder.load(_TEST)
    return TrainingData(corpus=read.corpus, train=read.pairs[_TEST], dev=None, source=str(folder.path))


def _folders_of(source: object, read: ReadOptions | None = None) -> list[LinesFolder | BeirFolder]:
    found = find_sources(source)
    parts = [part.source for part in found.parts] if isinstance(found, Sources) else [found]
    folders = [_folder_of(part, read) for part in parts]
    return [folder for folder in folders if folder is not None and _TEST in folder.splits]


def _folder_of(source: object, read: ReadOptions | None) -> LinesFolder | BeirFolder | None:
    if not isinstance(source, str | os.PathLike):
        return None
    path = Path(source).expanduser()
    if is_lines_folder(path):
        return LinesFolder(path, read)
    return BeirFolder(path, skip_dangling=True) if path.is_dir() and not missing_parts(path) else None
