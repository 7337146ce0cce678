"""What made an index's vectors, and whether something else makes the same: compared by content, not by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_OF_THE_MACHINE = ("device", "precision", "arithmetic")  # of which vectors depend in their last digits alone
_NAMES = {
    "base": "the base",
    "network": "the base's configuration",
    "tokenizer": "the tokenizer",
    "pooling": "the pooling",
    "prompt": "the instruction before documents",
    "factors": "the adapter",
    "head": "the projection head",
    "dim": "the number after which vectors are cut",
    "max_tokens": "the length that texts are truncated to",
}
"""A key of `LoraEncoder.content` -> what people call it, in the order in which differences are told."""


def differing(kept: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return the keys in which the contents of two encoders (`Encoder.content`) differ, the first that matters first.

    None: their vectors agree but for the last digits.
    """
    keys = [*_NAMES, *sorted({*kept, *now} - {*_NAMES, *_OF_THE_MACHINE})]
    return [key for key in keys if _essence(kept.get(key)) != _essence(now.get(key))]


def describe_difference(key: str, kept: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Return one of these as text: `the pooling ('cls' there, 'mean' here)`."""
    return f"{_NAMES.get(key, key)} ({_shown(key, kept.get(key))} there, {_shown(key, now.get(key))} here)"


def _essence(value: Any) -> Any:
    """Return a value without what depends on the machine, however deep."""
    if isinstance(value, Mapping):
        return {key: _essence(each) for key, each in value.items() if key not in _OF_THE_MACHINE}
    return [_essence(each) for each in value] if isinstance(value, list | tuple) else value


def _shown(key: str, value: Any) -> str:
    if value is None:
        return "none"
    if key in ("base", "network", "tokenizer", "factors", "head"):
        return f"sha256 {str(value)[:12]}..."
    return repr(value) if isinstance(value, str) else "others" if isinstance(value, list | dict) else str(value)
