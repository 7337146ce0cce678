"""JSON files of folders that others wrote: an absent one is empty, and what is not JSON is an error that names it."""

import json
from pathlib import Path

from ..errors import BaseError


def read_json(path: Path) -> dict:
    """Read a JSON object; an absent file is an empty one.

    Raises:
        BaseError: the file is there and is not a JSON object.
    """
    content = _read(path)
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise BaseError(f"{path} holds a {type(content).__name__}, not a JSON object")
    return content


def read_json_list(path: Path) -> list[dict]:
    """Read a JSON list of objects; an absent file is an empty one.

    Raises:
        BaseError: the file is there and is not such a list.
    """
    content = _read(path)
    if content is None:
        return []
    if not isinstance(content, list) or not all(isinstance(each, dict) for each in content):
        raise BaseError(f"{path} is not a JSON list of objects")
    return content


def _read(path: Path) -> object:
    if not path.is_file():
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as e:
        raise BaseError(f"{path} is not valid JSON: {e}") from e
