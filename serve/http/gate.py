"""What stands before every route: the Host header, the key, the size and pace of a body, and how errors are told."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..counters import Counters
from ..logs import log_failure
from ..options import ServeOptions, is_any
from ..page import PAGE_PATHS
from .admission import check_host, check_key
from .refusals import Refusal

OPEN = "/health"
"""The one route that never needs a key."""
_SLOW_READ_S = 60.0
_CLOSE = {"Connection": "close"}
_STATUS_WORDS = {404: "there is no such route", 405: "the route has another method"}


@dataclass(slots=True)
class Gate:
    """An ASGI app around the routes.

    Attributes:
        app: The routes.
        options: Who is let in, and how much is taken.
        counters: What is counted.
        paths: Of the routes; others are counted together.
    """

    app: ASGIApp
    options: ServeOptions
    counters: Counters
    paths: Collection[str]
    _hosts: frozenset[str] | None = field(init=False)

    def __post_init__(self) -> None:
        self._hosts = self.options.allowed_hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answer = _Answer(send, started=time.perf_counter())
        try:
            self._check(scope)
            await self.app(scope, _Body(receive, self.options).receive, answer.send)
        except Refusal as refusal:
            await answer.refuse(refusal, scope)
        except (ClientDisconnect, TimeoutError):  # it went away, or does not read
            answer.status = answer.status or 499
        except asyncio.CancelledError:  # the server ends, and this was not finished within the time that it has for that
            await answer.refuse(Refusal(503, "unhealthy", "the server is stopping", headers=dict(_CLOSE)), scope)
        except Exception as e:  # what is not foreseen is told without its message, which may hold a text
            log_failure(f"{scope['method']} of a route", e)
            await answer.refuse(Refusal(500, "backend", "the server failed; its log says more"), scope)
        path = scope["path"] if scope["path"] in self.paths else "other"
        self.counters.request(path, answer.status, time.perf_counter() - answer.started)

    def _check(self, scope: Scope) -> None:
        """Refuse a request by its head alone.

        Raises:
            Refusal: it is for another host, has no key that is known, was made by a stranger's page, or its body is too large or its end unclear.
        """
        headers = dict(scope["headers"])
        check_host(headers.get(b"host", b""), self._hosts, any_address=is_any(self.options.host))
        if scope["path"] != OPEN and not (self.options.public_page and scope["path"] in PAGE_PATHS):
            check_key(headers.get(b"authorization", b""), self.options)
        if scope["method"] == "POST" and headers.get(b"sec-fetch-site") == b"cross-site":
            raise Refusal(403, "cross_site", "this request was made by a page of another site in a browser, and is not answered")
        if b"content-length" in headers and b"transfer-encoding" in headers:  # a proxy before it may read another end of the body
            raise Refusal(400, "validation", "the request has both Content-Length and Transfer-Encoding", headers=dict(_CLOSE))
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length[:20]) > self.options.limits.body_bytes:
            raise _too_large(self.options)


@dataclass(slots=True)
class _Body:
    """Receives a request's body, and no more of it, and no longer, than is allowed."""

    source: Receive
    options: ServeOptions
    size: int = 0
    deadline: float = 0.0
    is_whole: bool = False

    async def receive(self) -> Message:
        if self.is_whole:
            return await self.source()
        loop = asyncio.get_running_loop()
        self.deadline = self.deadline or loop.time() + self.options.limits.body_s
        try:
            async with asyncio.timeout_at(self.deadline):
                message = await self.source()
        except TimeoutError:
            raise Refusal(
                408, "slow", f"the body was not there within {self.options.limits.body_s:g} seconds", headers=dict(_CLOSE)
            ) from None
        self.size += len(message.get("body", b""))
        self.is_whole = not message.get("more_body", False)
        if self.size > self.options.limits.body_bytes:
            raise _too_large(self.options)
        return message


@dataclass(slots=True)
class _Answer:
    """Sends an answer, and remembers its status."""

    sender: Send
    started: float
    status: int = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), (b"x-content-type-options", b"nosniff")]
            await self.sender(message)
            return
        async with asyncio.timeout(_SLOW_READ_S):
            await self.sender(message)

    async def refuse(self, refusal: Refusal, scope: Scope) -> None:
        if self.status:
            return  # half of another answer is sent
        content = json.dumps(refusal.body(is_openai=scope["path"].startswith("/v1/")), ensure_ascii=False).encode()
        given: dict[str, Any] = {"content-type": "application/json", "content-length": str(len(content))} | refusal.headers
        headers = [(name.lower().encode(), value.encode()) for name, value in given.items()]
        await self.send({"type": "http.response.start", "status": refusal.status, "headers": headers})
        await self.send({"type": "http.response.body", "body": content})


def as_refusal(error: HTTPException) -> Refusal:
    """Return an error of the router as a refusal."""
    message = _STATUS_WORDS.get(error.status_code, "the request cannot be answered")
    return Refusal(error.status_code, "validation", message, headers=dict(error.headers or {}))


def _too_large(options: ServeOptions) -> Refusal:
    return Refusal(413, "too_large", f"the body has more than {options.limits.body_bytes} bytes", headers=dict(_CLOSE))
