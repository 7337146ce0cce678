"""Requests to an endpoint: bounded in time and size, tried again where it is busy, and never with the key in what they say."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING, Any

from ...errors import ConfigError
from ...hub.session import LONGEST_WAIT_S, retry_after_s
from ...shown_text import one_line
from .endpoint import KEY_VARIABLE, Endpoint, check_consent

if TYPE_CHECKING:
    import httpx2

TRIES = 4
TEMPERATURE = 0.7
MOST_BYTES = 4 << 20
"""Of one answer."""
_BUSY = (408, 409, 425, 429, 500, 502, 503, 504)
_REFUSED = {401: "does not accept the key", 403: "refuses access", 404: "has no such address or model"}

Message = Mapping[str, str]


class RowError(Exception):
    """One answer could not be had: it costs its row, and the run goes on. The text says why, and holds no key."""


@dataclass(frozen=True, slots=True)
class _Busy:
    """Why a request was not answered, and for how long the server asks to be left alone."""

    problem: str
    wait_s: int | None = None


@dataclass(slots=True)
class Chat:
    """A client of an endpoint. `with` closes it.

    Attributes:
        endpoint: Where it asks.
        send_texts_to: The host that the user has agreed to, as `check_consent` takes it.
        key: Of the environment; None: none is sent.
        timeout_s: How long an answer may take, from its request to its last byte.
        sleep: Waits; None: until the time is over, or the client is closed.
    """

    endpoint: Endpoint
    send_texts_to: str | None = None
    key: str | None = field(default=None, repr=False)
    timeout_s: float = 120.0
    sleep: Callable[[float], object] | None = None
    _client: httpx2.Client = field(init=False, repr=False)
    _has_answered: bool = False
    _closed: Event = field(default_factory=Event, repr=False)

    def __post_init__(self) -> None:
        import httpx2

        check_consent(self.endpoint, self.send_texts_to)
        # A proxy would carry texts that are for this machine to another one; a redirection would send them to a host that nobody named.
        self._client = httpx2.Client(trust_env=not self.endpoint.is_here, follow_redirects=False, timeout=self.timeout_s)

    def __enter__(self) -> Chat:
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._client.close()

    def ask(self, messages: Sequence[Message], *, seed: int) -> str:
        """Return what a model answers.

        Raises:
            RowError: it refuses, does not answer in time, or answers with something else than an answer.
            ConfigError: no request would be answered: nobody is there, the key is not accepted, or the address is another one's.
        """
        body = {"model": self.endpoint.model, "messages": list(messages), "temperature": TEMPERATURE, "seed": seed}
        outcome = self._try(body)
        for number in range(TRIES - 1):
            if not isinstance(outcome, _Busy) or self._closed.is_set():
                break
            (self.sleep or self._closed.wait)(min(2**number if outcome.wait_s is None else outcome.wait_s, LONGEST_WAIT_S))
            outcome = self._try(body)
        if isinstance(outcome, _Busy):
            raise RowError(outcome.problem)
        return outcome

    def _try(self, body: Mapping[str, Any]) -> str | _Busy:
        """Return the answer, or why another try may bring one; raises as `ask`."""
        import httpx2

        try:
            response, content = self._post(body)
        except (httpx2.TimeoutException, TimeoutError):
            raise RowError(f"no answer within {self.timeout_s:g} s") from None
        except httpx2.ConnectError:
            if self._has_answered:
                return _Busy("the server is away")
            raise ConfigError(f"{self._host} cannot be reached; check the endpoint, and that its server runs") from None
        except httpx2.HTTPError as e:
            return _Busy(f"the connection broke off ({type(e).__name__})")
        self._has_answered = True
        if response.status_code == 200:
            return self._clean(_content(content))
        self._refuse_for_good(response.status_code)
        problem = self._clean(f"the server answers {response.status_code}{_words(content)}")
        if response.status_code not in _BUSY:
            raise RowError(problem)
        return _Busy(problem, retry_after_s(response))

    def _post(self, body: Mapping[str, Any]) -> tuple[httpx2.Response, bytes]:
        headers = {"Accept-Encoding": "identity"} | ({"Authorization": f"Bearer {self.key}"} if self.key else {})
        until, parts, size = time.monotonic() + self.timeout_s, [], 0
        with self._client.stream("POST", self.endpoint.completions, json=body, headers=headers) as response:
            for part in response.iter_bytes():
                parts.append(part)
                size += len(part)
                if size > MOST_BYTES:
                    raise RowError(f"the answer is longer than {MOST_BYTES >> 20} MB")
                if time.monotonic() > until:
                    raise TimeoutError
            return response, b"".join(parts)

    def _refuse_for_good(self, status: int) -> None:
        if 300 <= status < 400:
            raise ConfigError(f"{self._host} redirects to another address ({status}), which is not followed; give that one with --endpoint")
        if status in _REFUSED:
            missing = "" if self.key or status == 404 else f"; {KEY_VARIABLE} is not set"
            raise ConfigError(f"{self._host} {_REFUSED[status]} ({status}){missing}; check --endpoint, --model and {KEY_VARIABLE}")

    @property
    def _host(self) -> str:
        return one_line(self.endpoint.host)

    def _clean(self, text: str) -> str:
        """Return a text of the server in which the key, which it may repeat, does not stand."""
        return text.replace(self.key, "(key)") if self.key else text


def _content(body: bytes) -> str:
    try:
        choice = json.loads(body)["choices"][0]
        message = choice["message"]
        refused, content = message.get("refusal"), message.get("content")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise RowError("the server's answer is not one of a chat") from None
    if refused or choice.get("finish_reason") == "content_filter":
        raise RowError("the model refuses")
    if not isinstance(content, str) or not content.strip():
        raise RowError("the model's answer is empty")
    return content


def _words(body: bytes) -> str:
    """Return what a server says of an error, in a line; nothing where that is a page."""
    try:
        said = json.loads(body)
        error = said.get("error", said)
        text = error.get("message", "") if isinstance(error, dict) else str(error)
    except (ValueError, AttributeError, RecursionError):
        return ""
    return f": {one_line(str(text))[:200]}" if text else ""
