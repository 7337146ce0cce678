"""Requests that are not made by an honest client, and what is in front of or beside a server."""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from adapt_embed.encoders.standing import StandingNetwork
from adapt_embed.errors import ConfigError
from adapt_embed.serve.app import make_app
from adapt_embed.serve.keys import read_keys
from adapt_embed.serve.options import Limits, ServeOptions
from adapt_embed.serve.run import listen, run
from starlette.testclient import TestClient

KEY = "0123456789abcdef-first"
BODY = b'{"model": "base", "input": "x", "dimensions": 1, "user": null}'
POST = b"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture(scope="module")
def filled(serving: Any, tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return serving.fill(tmp_path_factory.mktemp("served") / "registry", tiny_base)


@pytest.fixture(scope="module")
def port(serving: Any, filled: Path, tiny_base: Path) -> Iterator[int]:
    with serving.running(serving.prepare(filled, tiny_base, "base", limits=Limits(head_s=0.3))) as running:
        yield running.port


def raw(port: int, content: bytes) -> bytes:
    """Send bytes, and return all that comes until the server closes the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(content)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_a_body_whose_end_two_headers_say_is_refused_and_the_connection_closed(port: int) -> None:
    smuggled = b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n"
    answer = raw(port, POST + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled)
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"both Content-Length and Transfer-Encoding" in answer
    assert answer.count(b"HTTP/1.1") == 1, "what came behind it is no request"


def test_null_is_no_user(port: int) -> None:
    answer = raw(port, POST + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY)
    assert answer.startswith(b"HTTP/1.1 200")


def test_the_rest_of_a_body_that_nobody_reads_keeps_no_connection_open(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert connection.recv(20).startswith(b"HTTP/1.1 200")
        with suppress(OSError):  # reset, or a broken pipe
            for _ in range(100):
                connection.sendall(b"1\r\nx\r\n")
                time.sleep(0.05)
            pytest.fail("it is open after 5 s")


@pytest.mark.parametrize("host", ["[::1].evil.example", "[::1]evil", "localhost:80@evil.example", "localhost:x", "[::1", "[127.0.0.1]:1:2"])
def test_a_host_header_is_a_name_and_a_port_and_nothing_else(serving: Any, filled: Path, tiny_base: Path, host: str, port: int) -> None:
    answer = raw(port, f"GET /health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 400")


def test_a_path_with_a_slash_too_many_is_not_sent_elsewhere(serving: Any, filled: Path, tiny_base: Path) -> None:
    app = make_app(serving.prepare(filled, tiny_base, "base").open(), ServeOptions())
    with TestClient(app, "http://localhost", follow_redirects=False) as client:
        assert client.post("/v1/embeddings/", content=BODY).status_code == 404


def test_of_two_servers_that_start_at_once_the_second_says_that_the_port_is_taken(serving: Any, filled: Path, tiny_base: Path) -> None:
    first = ServeOptions(port=0)
    with listen(first) as bound, listen(ServeOptions(port=bound.getsockname()[1])) as also:
        bound.listen()
        app = make_app(serving.prepare(filled, tiny_base, "base").open(), first)
        with pytest.raises(ConfigError, match=r"127\.0\.0\.1:\d+ cannot be listened on: Address already in use; free the port"):
            run(app, also, first)


def test_an_address_of_another_machine_is_told_as_that() -> None:
    with pytest.raises(ConfigError, match="Cannot assign requested address; name an address of this machine with --host"):
        listen(ServeOptions(host="192.0.2.1", port=0, open_to_all=True))


def test_a_file_of_keys_may_begin_with_a_byte_order_mark_and_end_lines_as_windows_does(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_bytes(b"\xef\xbb\xbf" + KEY.encode() + b"\r\n  # theirs\r\n")
    assert read_keys(file, {}) == (KEY,)


@pytest.mark.parametrize(("site", "status"), [("cross-site", 403), ("same-origin", 200), ("none", 200)])
def test_what_a_browser_sends_for_a_page_of_another_site_is_refused(port: int, site: str, status: int) -> None:
    head = f"Connection: close\r\nContent-Type: text/plain\r\nSec-Fetch-Site: {site}\r\nContent-Length: {len(BODY)}\r\n\r\n"
    assert raw(port, POST + head.encode() + BODY).startswith(f"HTTP/1.1 {status}".encode())


def test_what_is_not_finished_when_the_server_has_to_end_is_a_503_and_no_failure(
    serving: Any, filled: Path, tiny_base: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    go, busy = threading.Event(), threading.Event()
    monkeypatch.setattr(StandingNetwork, "embed", lambda *_: (busy.set(), go.wait(10)))
    request = POST + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
    with serving.running(serving.prepare(filled, tiny_base, "base", limits=Limits(stop_s=0.2))) as running:
        with ExitStack() as stack:
            waiting = [stack.enter_context(socket.create_connection(("127.0.0.1", running.port), timeout=10)) for _ in range(3)]
            for connection in waiting:
                connection.sendall(request)
            assert busy.wait(10)
            running.server.should_exit = True
            answers = [connection.recv(65536) for connection in waiting]
        go.set()
    assert [answer.split(b"\r\n")[0] for answer in answers] == [b"HTTP/1.1 503 Service Unavailable"] * 3
    assert all(b'"code": "unavailable"' in answer for answer in answers)
    assert [each.getMessage()[:6] for each in caplog.records if each.levelname == "ERROR"] == ["Cancel"], "a line for all of them"


def test_without_the_extra_the_command_says_what_to_install_before_it_imports_any_of_it(filled: Path, tiny_base: Path) -> None:
    hidden = "p = importlib.machinery.PathFinder; find = p.find_spec; of = {'starlette', 'uvicorn', 'prometheus_client', 'h11'}"
    code = (
        f"import importlib.machinery; {hidden}\n"
        "p.find_spec = classmethod(lambda cls, name, *rest: None if name.split('.')[0] in of else find(name, *rest))\n"
        "from adapt_embed.cli import main; main()"
    )
    words = ["serve", "law", "--registry", str(filled), "--base", str(tiny_base)]
    ran = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert (ran.returncode, ran.stderr.strip()) == (1, 'Error: adapt serve needs an optional package: pip install "adapt-embed[serve]"')
