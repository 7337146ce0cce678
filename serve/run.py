"""The server: a socket, uvicorn's loop on it, and an end that lets go of nothing that is queued."""

from __future__ import annotations

import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from errno import EADDRNOTAVAIL
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette

from ..errors import ConfigError
from .http.wire import protocol_of
from .logs import LOGGER
from .options import ServeOptions

_HEAD_BYTES = 32_768


def listen(options: ServeOptions) -> socket.socket:
    """Return a socket that is bound.

    Raises:
        ConfigError: the port is taken, or the address is not this machine's.
    """
    host = options.host.strip("[]")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, options.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        bound = socket.socket(family, kind, protocol)
    except OSError as e:
        raise ConfigError(f"{options.host} is not an address of this machine: {e.strerror or e}") from e
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as e:
        bound.close()
        raise _not_listening(f"{options.host}:{options.port}", e) from e
    return bound


def _not_listening(address: str, error: OSError) -> ConfigError:
    mend = "name an address of this machine with --host" if error.errno == EADDRNOTAVAIL else "free the port, or name another with --port"
    return ConfigError(f"{address} cannot be listened on: {error.strerror}; {mend}")


def address_of(bound: socket.socket, options: ServeOptions) -> str:
    """Return the address of a server, with the port that it really has."""
    host = f"[{options.host.strip('[]')}]" if ":" in options.host else options.host
    return f"http://{host}:{bound.getsockname()[1]}"


def run(app: Starlette, bound: socket.socket, options: ServeOptions, started: Callable[[], None] = lambda: None) -> None:
    """Serve until SIGINT or SIGTERM; a second SIGINT ends it at once.

    Args:
        app: What answers.
        bound: Where it listens.
        options: How much it takes, and how long it may take to stop.
        started: Called once it listens.
    """
    server = make_server(app, options, started)
    server.run(sockets=[bound])


def make_server(app: Starlette, options: ServeOptions, started: Callable[[], None] = lambda: None) -> Server:
    """Return a server that is not running yet."""
    limits = options.limits
    _quieten(logging.getLogger("uvicorn.error"))
    config = uvicorn.Config(
        app,
        http=protocol_of(limits.head_s, 2 * limits.connections),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=limits.connections,
        timeout_keep_alive=max(1, round(limits.head_s)),
        timeout_graceful_shutdown=max(1, round(limits.stop_s)),
        h11_max_incomplete_event_size=_HEAD_BYTES,
    )
    return Server(config, started)


class Server(uvicorn.Server):
    """uvicorn's server, which ends as the user asked it to, and not by the signal itself."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._tell = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so.

        Raises:
            ConfigError: another server, which bound the port in the same seconds, listens already.
        """
        try:
            await super().startup(sockets)
        except OSError as e:
            await self.lifespan.shutdown()
            host, port = (sockets or [])[0].getsockname()[:2]
            raise _not_listening(f"{host}:{port}", e) from e
        if not self.should_exit:
            self._tell()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take SIGINT and SIGTERM for a wish to stop, as long as the server runs."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        if not self.should_exit:
            LOGGER.info("stopping: what is queued is finished first")
        self.handle_exit(number, frame)


def _quieten(logger: logging.Logger) -> None:
    """Let uvicorn tell errors alone, without their messages: a line for each request that is not HTTP is what a stranger can fill a disk with."""
    logger.setLevel(logging.ERROR)
    logger.addFilter(_without_traceback)


def _without_traceback(record: Any) -> bool:
    record.exc_info = record.exc_text = None
    return True
