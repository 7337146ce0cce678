"""The test split that lies beside training data: what a bench scores, and tools for data count and compare. Training never opens it."""

from __future__ import annotations

import os
from pathlib import Path

from .beir import BeirFolder, missing_parts
from .lines_folder import LinesFolder, is_lines_folder
from .pairs import Corpus, Pairs

_TEST = "test"


def has_test_split(source: object) -> bool:
    """Return whether a source is a folder with a test split; nothing is read."""
    folder = _folder_of(source)
    return folder is not None and _TEST in folder.splits


def read_test_split(source: object) -> tuple[Pairs, Corpus] | None:
    """Read the test split of a folder with the corpus that its ids belong to; None where the source has none.

    Judgements of a BEIR folder that name what is not there are left out.

    Raises:
        DataError: it is malformed, or empty.
    """
    folder = _folder_of(source)
    if folder is None or _TEST not in folder.splits:
        return None
    read = folder.load(_TEST)
    return read.pairs[_TEST], read.corpus


def _folder_of(source: object) -> LinesFolder | BeirFolder | None:
    if not isinstance(source, str | os.PathLike):
        return None
    path = Path(source).expanduser()
    if is_lines_folder(path):
        return LinesFolder(path)
    return BeirFolder(path, skip_dangling=True) if path.is_dir() and not missing_parts(path) else None
