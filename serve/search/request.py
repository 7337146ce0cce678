"""The body of a search, read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from ...abtests.experiment.keys import as_user
from ...json_text import parse_json
from ..http.refusals import Refusal, invalid

USER_HEADER = "x-adapt-user"
MOST_QUERY, MOST_NAME, MOST_MODELS, MOST_RESULTS, DEFAULT_RESULTS = 10_000, 200, 8, 100, 10
"""Characters of a query; of a user's key and a segment; references side by side; results."""
_KEYS = ("query", "model", "k", "user", "segment")


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchAsked:
    """What is searched for.

    Attributes:
        query: The text.
        models: Whose results are given side by side; none: those of the user's arm, or of the server's first reference.
        k: How many results of each, 1 to 100.
        user: Who asks; None: not said.
        segment: What the report groups queries by; None: not said.
    """

    query: str
    models: tuple[str, ...] = ()
    k: int = DEFAULT_RESULTS
    user: str | None = None
    segment: str | None = None


def read_search(body: bytes, headers: Mapping[str, str]) -> SearchAsked:
    """Read a search.

    Args:
        body: JSON.
        headers: By lower-case name, as Latin-1; `x-adapt-user` names the user as the field `user` does.

    Raises:
        Refusal: a field is absent, unknown, or not of its kind.
    """
    about = read_object(body)
    if any(key not in _KEYS for key in about):
        raise invalid(f"there is a field that is not known; expected some of {', '.join(_KEYS)}")
    query = _text(about, "query", MOST_QUERY)
    if query is None or not query.strip():
        raise invalid("query is absent or empty; expected a text", "query")
    user, named = as_user(_text(about, "user", MOST_NAME) or ""), as_user(_header(headers))
    if user and named and user != named:
        raise invalid("the field user and the header X-Adapt-User name two users; give one of them", "user")
    return SearchAsked(
        query=query, models=_models(about.get("model")), k=_k(about), user=user or named or None, segment=_text(about, "segment", MOST_NAME)
    )


def read_object(body: bytes) -> dict[str, Any]:
    """Read a body that is one JSON object.

    Raises:
        Refusal: it is not.
    """
    try:
        about = parse_json(body.decode("utf-8"))
    except ValueError:
        raise Refusal(400, "validation", "the body is not JSON in UTF-8, or gives a key twice") from None
    if not isinstance(about, dict):
        raise invalid("the body is not an object")
    return about


def is_text(value: object, most: int) -> bool:
    """Return whether a value is a text of at most so many characters, which a file in UTF-8 can hold."""
    return isinstance(value, str) and len(value) <= most and not any("\ud800" <= each <= "\udfff" for each in value)


def _text(about: Mapping[str, Any], key: str, most: int) -> str | None:
    value = about.get(key)
    if value is None:
        return None
    if not is_text(value, most):
        raise invalid(f"{key} is not a text of at most {most} characters", key)
    return str(value)


def _header(headers: Mapping[str, str]) -> str:
    """Return the user that a header names: UTF-8, which HTTP hands on as Latin-1."""
    value = headers.get(USER_HEADER, "")
    try:
        value = value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        _refuse_header()
    if len(value) > MOST_NAME:
        _refuse_header()
    return value


def _refuse_header() -> NoReturn:
    raise invalid(f"the header X-Adapt-User is not a text of at most {MOST_NAME} characters in UTF-8", "user")


def _models(value: object) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else [] if value is None else value
    if not isinstance(names, list) or not all(is_text(each, MOST_NAME) for each in names) or (value is not None and not names):
        raise invalid("model is neither a name nor a list of names; GET /v1/models lists them", "model")
    names = [each.removesuffix(":query") for each in names]  # every text of a search is a query
    if len(names) > MOST_MODELS or len(set(names)) < len(names):
        raise invalid(f"model has {len(names)} names; expected 1 to {MOST_MODELS}, each once", "model")
    return tuple(names)


def _k(about: Mapping[str, Any]) -> int:
    k = DEFAULT_RESULTS if about.get("k") is None else about["k"]
    if not isinstance(k, int) or isinstance(k, bool) or not 1 <= k <= MOST_RESULTS:
        raise invalid(f"k is not a whole number from 1 to {MOST_RESULTS}", "k")
    return k
