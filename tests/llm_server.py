"""A server that speaks as an OpenAI-compatible one does: what it answers is set by the test, and what it was asked is kept."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, dict[str, str], bytes]
Respond = Callable[[dict[str, Any], int], Answer]
"""(body of the request, its number from 0) -> status, headers, body."""


def queries(*texts: str) -> Answer:
    """The answer of a model that does as it is asked."""
    return says(json.dumps({"queries": texts}, ensure_ascii=False))


def says(content: str | None, **message: object) -> Answer:
    """The answer of a model that says something."""
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content} | message}
    return 200, {}, json.dumps({"choices": [choice]}).encode()


def fails(status: int, message: str = "no", **headers: str) -> Answer:
    """The answer of a server that does not do it."""
    return status, {name.replace("_", "-"): value for name, value in headers.items()}, json.dumps({"error": {"message": message}}).encode()


class LlmServer:
    """Such a server on this machine, until `close`."""

    def __init__(self, respond: Respond, *, delay_s: float = 0.0) -> None:
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                number = len(server.asked)
                server.asked.append({"path": self.path} | body)
                server.headers.append(dict(self.headers))
                time.sleep(delay_s)
                status, headers, content = respond(body, number)
                try:
                    self.send_response(status)
                    for name, value in ({"Content-Length": str(len(content))} | headers).items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(content)
                except OSError:
                    pass  # the client has gone away

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
