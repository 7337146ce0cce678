"""What the routes of both wire formats do once a body is read: vectors of its texts, as wide as it asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from starlette.requests import Request

from ...choices import Role
from ...encoders.truncated import truncate
from ..http.leaving import unless_gone
from ..models.pins import Pinned
from ..models.served import Embedded, Served, Texts
from .fields import read_dimensions


async def embed(served: Served, request: Request, body: Mapping[str, Any], texts: Texts, pinned: Pinned, role: Role) -> Embedded:
    """Return texts as vectors, cut where the body has `dimensions`; the work ends when the client goes away.

    Raises:
        Refusal: the version cannot be loaded, has fewer dimensions, or too many texts wait.
        ClientDisconnect: the client went away.
    """
    dim = read_dimensions(body, await served.width(pinned)) if "dimensions" in body else None
    found = await unless_gone(request, served.embed(texts, pinned, role))
    return found if dim is None else replace(found, vectors=truncate(found.vectors, dim))
