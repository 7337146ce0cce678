"""Weights that are pickled, `pytorch_model.bin`: what they are called, and the error where a base has no others."""

from pathlib import Path

from .json_files import read_json

PICKLED = "pytorch_model.bin"
PICKLED_INDEX = "pytorch_model.bin.index.json"


def pickled_weights(folder: Path) -> list[Path]:
    """List the files of a folder's pickled weights: one, or the shards and the index that names them; empty where there are none.

    Raises:
        BaseError: the index is not a JSON object.
    """
    if (folder / PICKLED).is_file():
        return [folder / PICKLED]
    if not (folder / PICKLED_INDEX).is_file():
        return []
    where = read_json(folder / PICKLED_INDEX).get("weight_map")
    names = {name for name in where.values() if isinstance(name, str)} if isinstance(where, dict) else set()
    return [folder / PICKLED_INDEX, *(folder / name for name in sorted(names))]


def is_pickled(folder: Path) -> bool:
    """Return whether a folder has pickled weights, whole or not."""
    return (folder / PICKLED).is_file() or (folder / PICKLED_INDEX).is_file()
