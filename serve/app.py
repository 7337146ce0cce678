"""The app: its routes, and what stands before them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from .embeddings.openai_routes import openai_routes
from .embeddings.tei_routes import tei_routes
from .http.gate import Gate, as_refusal
from .models.served import Served
from .options import ServeOptions
from .page import page_routes


def make_app(
    served: Served, options: ServeOptions, *, more_routes: Sequence[BaseRoute] = (), at_end: Sequence[Callable[[], None]] = ()
) -> Starlette:
    """Return the app.

    Args:
        served: What is served; it is closed with the app.
        options: Whom it answers, and how much it takes.
        more_routes: Beside those of embeddings.
        at_end: Called when the app has ended.
    """
    has_search = any(isinstance(route, Route) and route.path == "/search" for route in more_routes)
    routes = [*openai_routes(served, options), *tei_routes(served, options), *more_routes, *page_routes(has_search=has_search)]

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await run_in_threadpool(served.close)
            for end in at_end:
                end()

    paths = frozenset(route.path for route in routes if isinstance(route, Route))
    gate = Middleware(Gate, options=options, counters=served.counters, paths=paths)
    app = Starlette(routes=routes, middleware=[gate], exception_handlers={HTTPException: _refuse}, lifespan=lifespan)
    app.router.redirect_slashes = False  # it would send clients of a proxy that speaks HTTPS to http://
    return app


async def _refuse(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    raise as_refusal(error)
