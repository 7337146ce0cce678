"""The probe of the Hub: at most three seconds, once per process, never in offline mode."""

import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from adapt_embed.hub.reach import hub_endpoint, hub_is_reachable, hub_silence

LIMIT_S = 3.5


class Answering:
    """A little server that answers every HEAD with one status and counts them."""

    def __init__(self) -> None:
        self.status, self.asked = 200, 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                outer.asked += 1
                self.send_response(outer.status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Answering]:
    answering = Answering()
    monkeypatch.setenv("HF_ENDPOINT", answering.address)
    monkeypatch.setenv("no_proxy", "*")
    yield answering
    answering.server.shutdown()
    answering.server.server_close()


@pytest.fixture
def black_hole(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A socket that takes connections and never answers."""
    monkeypatch.setenv("no_proxy", "*")
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(8)
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{listening.getsockname()[1]}")
        yield


def timed() -> tuple[bool, float]:
    started = time.monotonic()
    return hub_is_reachable(), time.monotonic() - started


def test_a_refused_connection_is_told_at_once() -> None:
    reachable, seconds = timed()
    assert not reachable
    assert seconds < 1
    assert hub_silence() == "http://127.0.0.1:9 cannot be reached"


def test_an_unresolvable_name_takes_three_seconds_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://no-such-host.invalid")
    reachable, seconds = timed()
    assert not reachable
    assert seconds < LIMIT_S


def test_a_black_hole_takes_three_seconds_once(black_hole: None) -> None:
    reachable, seconds = timed()
    assert not reachable
    assert 2 < seconds < LIMIT_S
    reachable, seconds = timed()
    assert not reachable
    assert seconds < 0.05


def test_a_server_that_answers_is_reachable_and_asked_once(server: Answering) -> None:
    assert hub_is_reachable()
    assert hub_is_reachable()
    assert server.asked == 1


def test_a_server_that_refuses_head_is_reachable(server: Answering) -> None:
    server.status = 405
    assert hub_is_reachable()


def test_a_proxy_that_cannot_reach_it_is_no_hub(server: Answering) -> None:
    server.status = 502
    assert not hub_is_reachable()


@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_offline_mode_asks_nothing(server: Answering, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "1")
    assert not hub_is_reachable()
    assert server.asked == 0
    assert "offline mode" in hub_silence()


def test_the_endpoint_is_the_users_or_the_hubs_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example/")
    assert hub_endpoint() == "https://mirror.example"
    monkeypatch.setenv("HF_ENDPOINT", "https://user:secret@mirror.example:8443/hub@1/")
    assert hub_endpoint() == "https://mirror.example:8443/hub@1"
    monkeypatch.delenv("HF_ENDPOINT")
    assert hub_endpoint() == "https://huggingface.co"
