"""JSON as users write it: an object that gives a key twice is refused, of which Python's reader keeps the last in silence."""

import json
from typing import Any


def parse_json(text: str) -> Any:
    """Read JSON.

    Raises:
        ValueError: it is not JSON, is nested without an end, or an object gives a key twice.
    """
    try:
        return DECODER.decode(text)
    except RecursionError:
        raise ValueError("it is nested too deeply to be read") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} is given twice in one object; give it once")
    return made


DECODER = json.JSONDecoder(object_pairs_hook=_object)
