"""Where the table of a split lies: SPLIT.tsv or LANGUAGE-SPLIT.tsv in a folder, the one table of a folder, or a file."""

import re
from pathlib import Path

from ..errors import DataError
from .readers import TABLE_SUFFIXES

_IN_FOLDERS = tuple(suffix for suffix in TABLE_SUFFIXES if suffix != ".json")  # which says something about the others, as a rule
_OTHER_FILES = ("corpus.jsonl", "queries.jsonl")
_NAME_OF_SPLIT = re.compile(r"([a-z]{2}-)?(train|dev|validation|valid|test)")


def tables_in(place: Path) -> list[Path]:
    """Return the tables of a folder (the parts of a BEIR folder are none), or the file itself."""
    if place.is_file():
        return [place]
    return sorted(path for path in place.glob("*") if path.suffix in _IN_FOLDERS and path.is_file() and path.name not in _OTHER_FILES)


def split_table(place: Path, *, split: str, language: str) -> Path:
    """Return the table that holds a split in one language. A table by itself, of another name, holds all splits.

    Raises:
        DataError: it is not there; the message lists those that are.
    """
    tables = tables_in(place)
    for stem in (f"{language}-{split}", split):
        if found := [path for path in tables if path.stem == stem]:
            return found[0]
    if len(tables) == 1 and (place.is_file() or not _NAME_OF_SPLIT.fullmatch(tables[0].stem)):
        return tables[0]
    names = ", ".join(path.name for path in tables) or "none"
    raise DataError(f"{place}: {split}.tsv or {language}-{split}.tsv does not exist; there are {names}")
