"""The routes of OpenAI's contract: `POST /v1/embeddings` and `GET /v1/models`.

Source: https://platform.openai.com/docs/api-reference/embeddings; `input_type` is Cohere's, `task` is Jina's.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ...encoders.protocol import Vectors
from ..http.refusals import invalid
from ..models.served import Served
from ..options import ServeOptions
from .embed import embed
from .fields import read_choice, read_json, read_model, read_texts


def openai_routes(served: Served, options: ServeOptions) -> list[Route]:
    """Return the routes."""

    async def embeddings(request: Request) -> Response:
        body = await read_json(request)
        name, role = read_model(body, None, "input_type", "task")
        form = FORMATS[read_choice(body, "encoding_format", tuple(FORMATS))]
        texts, _ = read_texts(body, "input", options)
        if not isinstance(body.get("user"), str | None):
            raise invalid("user is a string", "user")
        pinned = served.pin(name)
        found = await embed(served, request, body, texts, pinned, role)
        return _json(_answer(form(found.vectors), pinned.reference, found.tokens))

    async def models(_: Request) -> Response:
        return _json({"object": "list", "data": [_model(served, name) for name in served.names()]})

    async def model(request: Request) -> Response:
        return _json(_model(served, request.path_params["name"]))

    return [
        Route("/v1/embeddings", embeddings, methods=["POST"]),
        Route("/v1/models", models, methods=["GET"]),
        Route("/v1/models/{name}", model, methods=["GET"]),
    ]


def _answer(embeddings: list[Any], model: str, tokens: int) -> dict[str, Any]:
    data = [{"object": "embedding", "index": row, "embedding": each} for row, each in enumerate(embeddings)]
    return {"object": "list", "data": data, "model": model, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}


def _model(served: Served, name: str) -> dict[str, Any]:
    pinned = served.pin(name)
    return {"id": pinned.name, "object": "model", "created": 0, "owned_by": "adapt", "reference": pinned.reference, "sha256": pinned.sha256}


def _as_floats(vectors: Vectors) -> list[Any]:
    rows: list[Any] = vectors.tolist()
    return rows


def _as_base64(vectors: Vectors) -> list[Any]:
    """Return each vector as its numbers in little-endian float32, in base64."""
    return [base64.b64encode(row).decode() for row in vectors.astype("<f4", copy=False)]


FORMATS: dict[str, Callable[[Vectors], list[Any]]] = {"float": _as_floats, "base64": _as_base64}
"""`encoding_format` -> how vectors are written; the first is OpenAI's own default."""


def _json(content: dict[str, Any]) -> Response:
    return Response(json.dumps(content, ensure_ascii=False, separators=(",", ":")), media_type="application/json")
