"""The ids of vectors that have none in their own file: one a row, in a file of texts, JSON or numpy beside them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ...data.read.files import reading
from ...data.readers import ID, read_jsonl
from ...data.text_lines import read_text_lines
from ...errors import DataError

_NAMES = (".ids{}", "-ids{}", "_ids{}")
_KEYS = (ID, "id", "doc_id", "docid", "pid")


def find_ids(path: Path) -> Path:
    """Return the file of ids that lies beside a file of vectors: `vectors.ids.txt` of `vectors.npy`, or `ids.txt`.

    Raises:
        DataError: there is none.
    """
    beside = [path.with_name(path.stem + name.format(suffix)) for name in _NAMES for suffix in ID_READERS]
    beside += [path.with_name(f"ids{suffix}") for suffix in ID_READERS]
    found = next((file for file in beside if file.is_file()), None)
    if found is None:
        raise DataError(
            f"{path} has no ids beside it; expected {path.stem}.ids.txt or ids.txt with one id a line (or .json, .jsonl, .npy), in the order of "
            "the rows"
        )
    return found


def read_ids(path: Path) -> list[str]:
    """Read ids; whole numbers are taken as texts.

    Raises:
        DataError: the file is absent, malformed, of another kind, or holds something else than ids.
    """
    if path.suffix not in ID_READERS:
        raise DataError(f"{path} is not a file of ids: its name ends in {path.suffix or 'nothing'}, expected {', '.join(ID_READERS)}")
    with reading(path):
        return as_ids(path, ID_READERS[path.suffix](path))


def as_ids(path: Path, values: Iterable[Any]) -> list[str]:
    """Return values as ids.

    Raises:
        DataError: one is neither a text nor a whole number.
    """
    ids = []
    for row, value in enumerate(values):
        if isinstance(value, bool) or not isinstance(value, str | int | np.integer):
            raise DataError(f"{path}, row {row}: the id is {value!r}; expected a text or a whole number")
        ids.append(str(value))
    return ids


def _read_json(path: Path) -> list[Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as e:
        raise DataError(f"{path} is not valid JSON: {e}") from e
    if not isinstance(values, list):
        raise DataError(f"{path} holds a JSON {type(values).__name__}; expected a list of ids in the order of the rows")
    return values


def _read_jsonl(path: Path) -> list[Any]:
    found = []
    for where, row in read_jsonl(path):
        key = next((key for key in _KEYS if key in row), None)
        if key is None:
            raise DataError(f"{where}: no id under {', '.join(_KEYS)}; keys: {', '.join(row) or 'none'}")
        found.append(row[key])
    return found


def _read_npy(path: Path) -> list[Any]:
    try:
        values = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as e:
        raise DataError(f"{path} could not be read as ids: {str(e).splitlines()[0]}; save them as texts (dtype U) or whole numbers") from e
    if values.ndim != 1:
        raise DataError(f"{path} has the shape {values.shape}; expected one id a row")
    found: list[Any] = values.tolist()
    return found


ID_READERS: dict[str, Callable[[Path], list[Any]]] = {
    ".txt": read_text_lines,
    ".json": _read_json,
    ".jsonl": _read_jsonl,
    ".npy": _read_npy,
}
"""Suffix -> what reads such a file of ids."""
