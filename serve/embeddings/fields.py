"""The fields of a request's body: what they may be, and what they mean. No message holds a value that was sent."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request

from ...choices import Role
from ..http.refusals import Refusal, invalid
from ..models.served import Texts
from ..options import ServeOptions

ROLES: dict[str, Role] = {
    "query": "query",
    "search_query": "query",
    "retrieval.query": "query",
    "document": "document",
    "search_document": "document",
    "passage": "document",
    "retrieval.passage": "document",
    "classification": "document",
    "clustering": "document",
    "separation": "document",
    "text-matching": "document",
}
"""What the role of texts is called: plainly, by Cohere (`input_type`) and by Jina (`task`). What is not searched for is a document."""

DEFAULT_ROLE: Role = "document"
"""As for `adapt encode`."""


async def read_json(request: Request) -> dict[str, Any]:
    """Return the body of a request, which is a JSON object.

    Raises:
        Refusal: it is none.
    """
    body = await request.body()
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise Refusal(400, "validation", "the body is not valid JSON") from None
    if not isinstance(found, dict):
        raise Refusal(400, "validation", "the body is not a JSON object")
    return found


def read_model(body: Mapping[str, Any], default: str | None, *role_fields: str) -> tuple[str, Role]:
    """Return the name of the model, and the role of the texts, out of `NAME:ROLE` and the fields that say a role.

    Raises:
        Refusal: a field is not a string, a role is unknown, or two say different roles.
    """
    model = body.get("model", default)
    if not isinstance(model, str) or not model:
        raise invalid("model is the name of one of the models that GET /v1/models lists", "model")
    name, _, said = model.rpartition(":")
    roles = {}
    if name and said in ("query", "document"):
        model, roles["model"] = name, ROLES[said]
    for field in role_fields:
        if (value := body.get(field)) is not None:
            if not isinstance(value, str) or value not in ROLES:
                raise invalid(f"{field} is one of {', '.join(ROLES)}", field)
            roles[field] = ROLES[value]
    if len(set(roles.values())) > 1:
        raise invalid(f"{' and '.join(roles)} say different roles; leave one of them out", list(roles)[-1])
    return model, next(iter(roles.values()), DEFAULT_ROLE)


def read_texts(body: Mapping[str, Any], field: str, options: ServeOptions) -> tuple[Texts, bool]:
    """Return the texts of a body, or token ids, and whether it was one alone.

    Raises:
        Refusal: they are neither, too many, or token ids that the server does not take.
    """
    value = body.get(field)
    if isinstance(value, str):
        return [value], True
    if not isinstance(value, list) or not value:
        raise invalid(f"{field} is a string, or a list of strings that is not empty", field)
    if len(value) > options.limits.texts and not _are_ids(value):
        raise Refusal(413, "too_large", f"{field} holds more than {options.limits.texts} texts; send them in parts", field)
    if all(isinstance(each, str) for each in value):
        return value, False
    if not all(map(_are_ids, value)) and not _are_ids(value):
        raise invalid(f"{field} is a string, or a list of strings that is not empty", field)
    if not options.token_ids:
        raise invalid(
            f"{field} holds token ids, which are of another tokenizer; send texts (LangChain's OpenAIEmbeddings: "
            "check_embedding_ctx_length=False), or start the server with --token-ids where they are the base's own",
            field,
        )
    return ([value], True) if _are_ids(value) else (value, False)


def read_dimensions(body: Mapping[str, Any], width: int) -> int | None:
    """Return after how many numbers vectors are cut; None: they are whole.

    Raises:
        Refusal: they have fewer.
    """
    value = body.get("dimensions")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= width:
        raise invalid(f"dimensions is a whole number from 1 to {width}", "dimensions")
    return None if value == width else value


def read_choice(body: Mapping[str, Any], field: str, choices: Sequence[Any]) -> Any:
    """Return a field that has one of several values, the first where it is not there.

    Raises:
        Refusal: it has another.
    """
    value = body.get(field)
    if value is None:
        return choices[0]
    if not any(value is each or (type(value) is type(each) and value == each) for each in choices):
        raise invalid(f"{field} is one of {', '.join(map(json.dumps, choices))}", field)
    return value


def _are_ids(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(type(each) is int for each in value)
