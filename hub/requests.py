"""Our own requests to the Hub, through the client's session and with its headers: a bounded answer, an error as the client raises it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..errors import HubError
from ..plurals import format_size
from .session import OWN

if TYPE_CHECKING:
    import httpx2

MOST_JSON_BYTES = 16 << 20
"""Of one JSON answer; a page of a thousand files has some 300 kB."""


def address(*parts: str) -> str:
    """Return an address on the Hub; each part is quoted, a `/` in it stays."""
    from huggingface_hub import constants

    return "/".join([constants.ENDPOINT, *(quote(part) for part in parts)])


@contextmanager
def opened(url: str, headers: dict[str, str] | None = None) -> Iterator[httpx2.Response]:
    """Open a GET whose body is read by the caller; the token of the user goes along, where there is one.

    Raises:
        HfHubHTTPError: the Hub refuses.
    """
    from huggingface_hub import constants
    from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status

    sent = build_hf_headers(library_name="adapt-embed") | {"Accept-Encoding": "identity"} | (headers or {})
    timeout = constants.HF_HUB_DOWNLOAD_TIMEOUT
    with get_session().stream("GET", url, headers=sent, timeout=timeout, extensions=OWN) as response:
        if response.status_code >= 400:
            if int(response.headers.get("Content-Length") or 0) < MOST_JSON_BYTES:
                response.read()  # the error's text is in it
            hf_raise_for_status(response)
        yield response


def get_json(url: str) -> tuple[Any, httpx2.Response]:
    """Return a JSON answer, and the response that it came with.

    Raises:
        HubError: it is too long.
        ValueError: it is no JSON.
    """
    parts, size = [], 0
    with opened(url) as response:
        for chunk in response.iter_bytes():
            parts.append(chunk)
            size += len(chunk)
            if size > MOST_JSON_BYTES:
                raise HubError(f"the answer is longer than {format_size(MOST_JSON_BYTES)}")
    return json.loads(b"".join(parts)), response
