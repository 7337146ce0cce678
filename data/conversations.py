"""Conversations -> a query and what answers it: the last turn of the user that the assistant answers, and that answer.

ms-swift's form: `messages` of {role, content}; for embeddings `messages` is the query alone, with `positive_messages` and `negative_messages`
beside it (https://swift.readthedocs.io, "Embedding training"). ShareGPT's form: `conversations` of {from, value}.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from ..errors import DataError
from .readers import Row

COLUMNS = ("messages", "conversations", "conversation")
"""Keys under which a conversation stands."""
_POSITIVES, _NEGATIVES, _REJECTED = "positive_messages", "negative_messages", ("rejected_response", "rejected_messages")
_ROLES = {
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "model": "assistant",
    "chatgpt": "assistant",
    "bot": "assistant",
}
_OTHER = "other"  # the system, a tool, a function: neither asks nor answers
_EXPECTED = 'expected a list of {"role": "user", "content": "..."} or of {"from": "human", "value": "..."}'


def conversation_column(columns: Sequence[str]) -> str | None:
    """Return the column that holds conversations; None where none does."""
    return next((column for name in COLUMNS for column in columns if column.strip().lower() == name), None)


def conversation_row(where: str, row: Row, column: str) -> Row:
    """Return a row with `query`, `positives` and `negatives` for one with a conversation; what else it holds stays.

    Raises:
        DataError: the conversation is not one, or holds no turn of the user with an answer.
    """
    turns = list(_turns(where, column, row[column]))
    rest = {key: value for key, value in row.items() if key not in (column, _POSITIVES, _NEGATIVES, *_REJECTED)}
    negatives = [text for key in (_NEGATIVES, *_REJECTED) for text in _last_texts(where, key, row.get(key))]
    if _POSITIVES in row:
        query = next((text for role, text in reversed(turns) if role == "user"), None)
        positives = _last_texts(where, _POSITIVES, row[_POSITIVES])
    else:
        place = next((place for place in range(len(turns) - 1, 0, -1) if _is_answered(turns, place)), None)
        query, positives = (None, []) if place is None else (turns[place - 1][1], [turns[place][1]])
    if query is None or not positives:
        raise DataError(f"{where}: the conversation under {column!r} holds no turn of the user that is answered; remove it")
    return {**rest, "query": query, "positives": positives, **({"negatives": negatives} if negatives else {})}


def _is_answered(turns: list[tuple[str, str]], place: int) -> bool:
    return (turns[place - 1][0], turns[place][0]) == ("user", "assistant")


def _last_texts(where: str, key: str, value: object) -> list[str]:
    """Return the last text of each of several conversations; a text stands for itself."""
    if value is None or value == "":
        return []
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list):
        raise DataError(f"{where}: expected texts or lists of messages under {key!r}, found a {type(value).__name__}")
    if value and isinstance(value[0], dict):
        value = [value]
    return [each if isinstance(each, str) else [text for _, text in _turns(where, key, each)][-1] for each in value if each]


def _turns(where: str, key: str, value: object) -> Iterator[tuple[str, str]]:
    """Yield (role, text) of each turn."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            value = None
    if not isinstance(value, list) or not value:
        raise DataError(f"{where}: no conversation under {key!r}; {_EXPECTED}")
    for turn in value:
        said_by = turn.get("role", turn.get("from")) if isinstance(turn, dict) else None
        said = _text(turn.get("content", turn.get("value"))) if isinstance(turn, dict) else None
        if not isinstance(said_by, str) or said is None:
            raise DataError(f"{where}: a turn under {key!r} is not a message; {_EXPECTED}")
        yield _ROLES.get(said_by.strip().lower(), _OTHER), said


def _text(content: object) -> str | None:
    """Return what a message says: a text, or the texts of its parts; None where it is neither."""
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text"]
        content = "\n".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else None
