"""The routes of text-embeddings-inference, with its names of fields, errors and metrics: `/embed`, `/info`, `/health`, `/metrics`.

Source: https://huggingface.github.io/text-embeddings-inference. `model`, `input_type` and `prompt_name` choose adapter and role.
"""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ... import __version__
from ..counters import CONTENT_TYPE
from ..http.refusals import Refusal
from ..models.served import Served
from ..options import ServeOptions
from .embed import embed
from .fields import read_choice, read_json, read_model, read_texts


def tei_routes(served: Served, options: ServeOptions) -> list[Route]:
    """Return the routes."""

    async def embed_inputs(request: Request) -> Response:
        body = await read_json(request)
        name, role = read_model(body, served.default, "prompt_name", "input_type")
        texts, _ = read_texts(body, "inputs", options)
        read_choice(body, "normalize", (True,))
        may_cut = read_choice(body, "truncate", (True, False))
        read_choice(body, "truncation_direction", ("Right", "right"))
        found = await embed(served, request, body, texts, served.pin(name), role)
        if found.truncated and not may_cut:
            raise Refusal(413, "validation", f"{found.truncated} of the inputs are longer than {found.longest} tokens", "inputs")
        return Response(json.dumps(found.vectors.tolist(), separators=(",", ":")), media_type="application/json")

    async def info(_: Request) -> Response:
        return Response(json.dumps(served.info() | _limits(options)), media_type="application/json")

    async def health(_: Request) -> Response:
        if served.is_stopping:
            raise Refusal(503, "unhealthy", "the server is stopping")
        return Response(b"", media_type="text/plain")

    async def metrics(_: Request) -> Response:
        return Response(served.counters.text(served.queued), headers={"content-type": CONTENT_TYPE})

    return [
        Route("/embed", embed_inputs, methods=["POST"]),
        Route("/info", info, methods=["GET"]),
        Route("/health", health, methods=["GET"]),
        Route("/metrics", metrics, methods=["GET"]),
    ]


def _limits(options: ServeOptions) -> dict[str, Any]:
    return {
        "max_concurrent_requests": options.limits.queue,
        "max_client_batch_size": options.limits.texts,
        "auto_truncate": True,
        "version": __version__,
    }
