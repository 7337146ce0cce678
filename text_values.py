"""Values of JSON as lines of text, for people."""

import json
from collections.abc import Mapping


def fact_lines(facts: Mapping[str, object]) -> list[tuple[str, str]]:
    """Return each name with its value as text."""
    return [(name, "\n".join(value_lines(value))) for name, value in facts.items()]


def value_lines(value: object) -> list[str]:
    """Return a value as lines: one a key of an object, one an element of a list of objects."""
    if isinstance(value, dict):
        return [f"{key}: {_word(inner)}" for key, inner in value.items()]
    if isinstance(value, list) and any(isinstance(inner, dict) for inner in value):
        return [_word(inner) for inner in value]
    if isinstance(value, list):
        return [", ".join(_word(inner) for inner in value)] if value else []
    return [] if value is None else [_word(value)]


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return repr(value) if value != value.strip() or len(value.splitlines()) > 1 else value
    return "-" if value is None else json.dumps(value, ensure_ascii=False)
