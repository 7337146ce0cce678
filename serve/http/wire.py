"""Connections: how long a request's head may take, how many are open, and an answer's head and body sent together."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

_LINGER_S = 10.0
"""How long the last bytes of a connection may take to be read."""


class Joined:
    """A transport that sends what is written in one turn of the event loop at once: an answer is one system call, and one packet."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop, self._parts = transport, loop, list[bytes]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Keep it until the end of this turn."""
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(data)

    def close(self) -> None:
        """Send what is kept, and close; who does not read it is let go."""
        self._flush()
        if not self._transport.is_closing():
            self._transport.close()
            self._loop.call_later(_LINGER_S, self._transport.abort)

    def _flush(self) -> None:
        if self._parts:
            if not self._transport.is_closing():
                self._transport.write(b"".join(self._parts))
            self._parts.clear()


def protocol_of(head_s: float, connections: int) -> type[H11Protocol]:
    """Return uvicorn's protocol with a limit to the seconds that a request's head may take, and to the connections that are open at all."""

    class Bounded(H11Protocol):
        late: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(Joined(transport, self.loop))  # type: ignore[arg-type]
            if len(self.connections) > connections:
                transport.abort()
                return
            self._wait()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.conn.their_state is not h11.IDLE and not self._is_answered():
                self._forget()
            elif self.late is None and not self.transport.is_closing():
                self._wait()

        def _is_answered(self) -> bool:
            """Whether what comes is the rest of a body that nobody reads any more."""
            return self.conn.their_state is h11.SEND_BODY and self.cycle is not None and self.cycle.response_complete

        def connection_lost(self, exc: Exception | None) -> None:
            self._forget()
            super().connection_lost(exc)

        def _wait(self) -> None:
            self.late = self.loop.call_later(head_s, self.transport.abort)

        def _forget(self) -> None:
            if self.late is not None:
                self.late.cancel()
                self.late = None

    return Bounded
