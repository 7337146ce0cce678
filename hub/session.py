"""The client's requests, watched while a job of adapt makes them: no token to another host, no wait without an end.

The client itself sends its token to whatever address an lfs answer or the next page of a list names, and sleeps for as long as
`Retry-After` says.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..events import QUIET, Events

if TYPE_CHECKING:
    import httpx2

OWN_HOSTS = ("huggingface.co", "hf.co")
"""Where large files lie in the Hub's own store (xet), whose client in Rust cannot be watched; other servers have none."""
LONGEST_WAIT_S = 60
_LONGEST_SILENCE_S = {"connect": 10.0, "read": 120.0, "write": 120.0, "pool": 10.0}
"""For requests to which the client gives no limit of its own."""
OWN = {"adapt": True}
"""Marks a request after which nobody but `with_retries` waits, and tells that."""
_PORTS = {"http": 80, "https": 443}
_BUSY = (408, 429, 500, 502, 503, 504)
_ASKED_ONCE = re.compile(
    r"/api/(?:whoami-v2|repos/create|validate-yaml|models/[^/]+/[^/]+(?:/refs|/(?:revision|commit|tag|branch)/[^/]+)?)$"
)
"""Requests that the client makes once and lets fail; `with_retries` makes them again, and tells that."""


@contextmanager
def watched_client(events: Events = QUIET) -> Iterator[None]:
    """Watch the requests that the Hub's client makes meanwhile; a wait that the Hub asks for is told, and at most a minute.

    A second one inside the first adds nothing.
    """
    from huggingface_hub.utils import _http, get_session

    usual = _http._GLOBAL_CLIENT_FACTORY  # the client makes itself anew after some faults
    if getattr(usual, "is_watched", False):
        yield
        return
    hooks = {"request": _before_request, "response": lambda response: _cap_wait(response, events)}

    def watched() -> httpx2.Client:
        client = usual()
        _change_hooks(client, hooks, list.append)
        return client

    watched.is_watched = True  # type: ignore[attr-defined]
    present = get_session()
    _change_hooks(present, hooks, list.append)
    _http._GLOBAL_CLIENT_FACTORY = watched
    try:
        with _silent_client(), _without_xet():
            yield
    finally:
        _http._GLOBAL_CLIENT_FACTORY = usual
        for client in {id(each): each for each in (present, get_session())}.values():
            _change_hooks(client, hooks, _take_out)


def _change_hooks(client: httpx2.Client, hooks: dict[str, Callable[[Any], None]], change: Callable[[list[Any], Any], None]) -> None:
    present = {kind: list(client.event_hooks.get(kind, [])) for kind in ("request", "response")}
    for kind, hook in hooks.items():
        change(present[kind], hook)
    client.event_hooks = present


def _take_out(hooks: list[Any], hook: object) -> None:
    if hook in hooks:
        hooks.remove(hook)


def _before_request(request: httpx2.Request) -> None:
    _keep_token_at_home(request)
    _limit_silence(request)


def _keep_token_at_home(request: httpx2.Request) -> None:
    from huggingface_hub import constants

    if origin(str(request.url)) != origin(constants.ENDPOINT):
        request.headers.pop("authorization", None)


def _limit_silence(request: httpx2.Request) -> None:
    if not any((request.extensions.get("timeout") or {}).values()):
        request.extensions = {**request.extensions, "timeout": _LONGEST_SILENCE_S}


@contextmanager
def _without_xet() -> Iterator[None]:
    """Have large files sent and fetched as any server that speaks as the Hub does has them, where this is not the Hub's own.

    The client for xet would send the token to whatever address the server names.
    """
    from huggingface_hub import constants

    host = urlsplit(constants.ENDPOINT).hostname or ""
    before = constants.HF_HUB_DISABLE_XET
    constants.HF_HUB_DISABLE_XET = before or not any(host == own or host.endswith(f".{own}") for own in OWN_HOSTS)
    try:
        yield
    finally:
        constants.HF_HUB_DISABLE_XET = before


def origin(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port of an address: what a token belongs to."""
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or _PORTS.get(parts.scheme, 0)


def _cap_wait(response: httpx2.Response, events: Events) -> None:
    if response.status_code not in _BUSY:
        return
    response.headers.pop("ratelimit", None)  # which the client would obey before Retry-After
    wait = retry_after_s(response)
    if wait is not None:
        response.headers["Retry-After"] = str(min(wait, LONGEST_WAIT_S - 1))  # the client adds a second
    if wait and not response.request.extensions.get("adapt") and not _ASKED_ONCE.search(response.request.url.path):
        events.note(
            f"{urlsplit(str(response.url)).hostname} asks to wait {wait} s ({response.status_code}); waiting {min(wait, LONGEST_WAIT_S)} s"
        )


def retry_after_s(response: httpx2.Response) -> int | None:
    """Return for how many seconds a server asks to be left alone; None where it does not say so in whole seconds."""
    asked = response.headers.get("Retry-After", "").strip()
    return int(asked) if asked.isdecimal() else None


@contextmanager
def _silent_client() -> Iterator[None]:
    """Keep the client's own warnings of retries off the terminal; errors are told once, as one line."""
    logger = logging.getLogger("huggingface_hub")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextmanager
def without_bars() -> Iterator[None]:
    """Keep the client's bars of progress off the terminal, or out of a log."""
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    were_off = are_progress_bars_disabled()
    disable_progress_bars()
    try:
        yield
    finally:
        if not were_off:
            enable_progress_bars()
