"""Whom a server answers, how much it takes, what it refuses, and how it ends."""

import asyncio
import json
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from adapt_embed.cli import main
from adapt_embed.encoders.standing import StandingNetwork
from adapt_embed.errors import ConfigError, MissingExtraError, RequestError
from adapt_embed.serve import job as serve_job
from adapt_embed.serve.app import make_app
from adapt_embed.serve.keys import read_keys
from adapt_embed.serve.options import Limits, ServeOptions
from adapt_embed.serve.run import listen
from click.testing import CliRunner
from starlette.testclient import TestClient

KEYS = ("0123456789abcdef-first", "0123456789abcdef-second")
SECRET = "die geheime Diagnose 秘密"
LIMITS = Limits(texts=4, body_bytes=2000, body_s=0.3, head_s=0.3, queue=8, stop_s=5)


@pytest.fixture(scope="module")
def filled(serving: Any, tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return serving.fill(tmp_path_factory.mktemp("served") / "registry", tiny_base)


@pytest.fixture(scope="module")
def server(serving: Any, filled: Path, tiny_base: Path) -> Iterator[Any]:
    with serving.running(serving.prepare(filled, tiny_base, "law", keys=KEYS, hosts=("search.example",), limits=LIMITS)) as running:
        yield running


@pytest.fixture(scope="module")
def client(serving: Any, filled: Path, tiny_base: Path) -> Iterator[TestClient]:
    options = ServeOptions(keys=KEYS, hosts=("search.example",), limits=LIMITS)
    app = make_app(serving.prepare(filled, tiny_base, "law").open(), options)
    with TestClient(app, "http://localhost", headers={"Authorization": f"Bearer {KEYS[1]}"}) as client:
        yield client


def embed(client: TestClient, body: Any, **more: Any) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post("/v1/embeddings", content=content, **more)


@pytest.mark.parametrize("path", ["/v1/models", "/metrics", "/info", "/nothing", "/v1/models/law"])
@pytest.mark.parametrize("key", ["", "Bearer nope", "Basic " + KEYS[0], "Bearer", f"Bearer {KEYS[0]}x", "Bearer \xff"])
def test_every_route_but_health_needs_a_key(client: TestClient, path: str, key: str) -> None:
    refused = client.get(path, headers={"Authorization": key.encode("latin-1")})
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert client.get("/health", headers={"Authorization": key.encode("latin-1")}).status_code == 200
    assert all(each not in refused.text for each in KEYS)


@pytest.mark.parametrize("key", KEYS)
def test_each_key_opens(client: TestClient, key: str) -> None:
    assert client.get("/v1/models", headers={"Authorization": f"Bearer {key}"}).status_code == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8080", 200),
        ("127.0.0.1", 200),
        ("[::1]:8080", 200),
        ("search.example", 200),
        ("SEARCH.example.:80", 200),
        ("evil.example", 400),
        ("localhost.evil.example", 400),
        ("10.0.0.1", 400),
        ("", 400),
    ],
)
def test_only_known_hosts_are_answered_for(client: TestClient, host: str, status: int) -> None:
    assert client.get("/health", headers={"Host": host}).status_code == status


def test_where_all_addresses_are_bound_any_address_is_a_host_and_no_strangers_name_is(filled: Path, serving: Any, tiny_base: Path) -> None:
    options = ServeOptions(host="0.0.0.0", open_to_all=True)
    app = make_app(serving.prepare(filled, tiny_base, "base").open(), options)
    with TestClient(app, "http://localhost") as client:
        found = [client.get("/health", headers={"Host": host}).status_code for host in ("10.0.0.7:8080", "[fe80::1]", "evil.example")]
    assert found == [200, 200, 400]


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"{", 400, "not valid JSON"),
        (b"[" * 900, 400, "not valid JSON"),
        (b"[1]", 400, "not a JSON object"),
        (b"\xff\xfe", 400, "not valid JSON"),
        ({"input": "x"}, 422, "model is the name"),
        ({"model": 5, "input": "x"}, 422, "model is the name"),
        ({"model": "./law", "input": "x"}, 404, "unknown model"),
        ({"model": "hf:me/law", "input": "x"}, 404, "unknown model"),
        ({"model": "health", "input": "x"}, 404, "unknown model"),
        ({"model": "law"}, 422, "input is a string"),
        ({"model": "law", "input": []}, 422, "input is a string"),
        ({"model": "law", "input": ["a", 5]}, 422, "input is a string"),
        ({"model": "law", "input": [None]}, 422, "input is a string"),
        ({"model": "law", "input": {}}, 422, "input is a string"),
        ({"model": "law", "input": [1, 2]}, 422, "check_embedding_ctx_length=False"),
        ({"model": "law", "input": ["x"] * 5}, 413, "more than 4 texts"),
        ({"model": "law", "input": "x" * 3000}, 413, "more than 2000 bytes"),
        ({"model": "law", "input": "x", "encoding_format": "int8"}, 422, 'encoding_format is one of "float", "base64"'),
        ({"model": "law", "input": "x", "dimensions": 0}, 422, "from 1 to 32"),
        ({"model": "law", "input": "x", "dimensions": True}, 422, "from 1 to 32"),
        ({"model": "law", "input": "x", "dimensions": "8"}, 422, "from 1 to 32"),
        ({"model": "law", "input": "x", "task": "sing"}, 422, "task is one of query"),
        ({"model": "law:query", "input": "x", "input_type": "document"}, 422, "say different roles"),
        ({"model": "law", "input": "x", "user": 5}, 422, "user is a string"),
    ],
)
def test_what_is_not_taken_is_told_in_a_line(client: TestClient, body: Any, status: int, message: str) -> None:
    refused = embed(client, body)
    assert refused.status_code == status
    error = refused.json()["error"]
    assert message in error["message"]
    assert set(error) == {"message", "type", "param", "code"}


def test_a_refusal_repeats_nothing_of_what_was_sent(client: TestClient, caplog: pytest.LogCaptureFixture, capfd: Any) -> None:
    caplog.set_level(logging.DEBUG)
    bodies = [
        {"model": SECRET, "input": SECRET},
        {"model": "law", "input": [SECRET, 5]},
        {"model": "law", "input": SECRET, "dimensions": SECRET, "task": SECRET, "encoding_format": SECRET, "user": [SECRET]},
        {"model": f"law:{SECRET}", "input": SECRET},
    ]
    said = [embed(client, body).text for body in bodies] + [embed(client, f'{{"input": "{SECRET}'.encode()).text]
    said += [client.post("/embed", json=body | {"inputs": SECRET, "prompt_name": SECRET}).text for body in bodies]
    said += [client.get(f"/{SECRET}").text, client.get("/metrics").text, *capfd.readouterr()]
    said += [each.getMessage() for each in caplog.records if not each.name.startswith("httpx")]
    assert not [each for each in said if "geheime" in each or "秘密" in each or "\\u79d8" in each]


def test_what_fails_within_is_told_without_a_text(
    client: TestClient, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Any, rows: Any) -> None:
        raise ValueError(SECRET, rows)

    with monkeypatch.context() as patched:
        patched.setattr(StandingNetwork, "embed", fail)
        openai, tei = embed(client, {"model": "law", "input": SECRET}), client.post("/embed", json={"inputs": SECRET})
    assert (openai.status_code, tei.status_code, tei.json()["error_type"]) == (424, 424, "Backend")
    assert "encoding failed: ValueError at test_serve_limits.py" in caplog.text
    assert "geheime" not in openai.text + tei.text + caplog.text
    assert embed(client, {"model": "law", "input": "x"}).status_code == 200, "the server goes on"


def test_text_embeddings_inference_is_answered_in_its_own_words(client: TestClient, serving: Any, filled: Path, tiny_base: Path) -> None:
    found = client.post("/embed", json={"inputs": ["the tenant", "租客"], "prompt_name": "query", "truncate": True})
    np.testing.assert_allclose(found.json(), serving.alone(filled, tiny_base, "law", ["the tenant", "租客"], "query"), atol=1e-6)
    assert len(client.post("/embed", json={"inputs": "x", "model": "base", "dimensions": 4}).json()[0]) == 4
    assert client.get("/info").json().items() >= {"model_dtype": "float32", "max_input_length": 512, "max_client_batch_size": 4}.items()
    refusals = {
        413: {"inputs": "a " * 600, "truncate": False},
        422: {"inputs": "x", "normalize": False},
        404: {"inputs": "x", "model": "lore"},
    }
    for status, body in refusals.items():
        refused = client.post("/embed", json=body)
        assert (refused.status_code, set(refused.json())) == (status, {"error", "error_type"})


def test_labels_of_metrics_hold_known_names_alone(client: TestClient) -> None:
    embed(client, {"model": "law:query", "input": "x"})
    embed(client, {"model": "stranger", "input": "x"})
    client.get("/stranger")
    text = client.get("/metrics").text
    assert 'te_embed_count_total{model="law"}' in text
    assert 'te_request_count_total{route="other",status="404"}' in text
    assert "stranger" not in text


def raw(port: int, *parts: bytes, wait_s: float = 0.0, timeout_s: float = 5.0) -> bytes:
    """Send parts, waiting between them, and return all that comes until the server closes or is silent."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout_s) as connection:
        received = b""
        try:
            for part in parts:
                connection.sendall(part)
                time.sleep(wait_s)
            while chunk := connection.recv(65536):
                received += chunk
        except OSError:
            pass
        return received


HEAD = f"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEYS[0]}\r\n".encode()


def test_a_body_in_chunks_is_cut_at_the_limit(server: Any) -> None:
    chunk = b"3e8\r\n" + b"x" * 1000 + b"\r\n"
    answer = raw(server.port, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 4)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"connection: close" in answer


def test_who_writes_slowly_is_let_go(server: Any) -> None:
    started = time.perf_counter()
    assert raw(server.port, HEAD + b"Content-Length: 100\r\n\r\n", b"{").startswith(b"HTTP/1.1 408")
    assert raw(server.port, b"GET /health HT") == b"", "the head is not there in time"
    assert raw(server.port) == b"", "a connection without a request"
    assert time.perf_counter() - started < 3


@pytest.mark.parametrize(
    "junk", [b"\x16\x03\x01\x02\x00", b"GET / HTTP/9.9\r\n\r\n", b"A" * 40_000, b"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"]
)
def test_what_is_not_http_gets_a_400_or_nothing(server: Any, junk: bytes) -> None:
    assert raw(server.port, junk)[:12] in (b"", b"HTTP/1.1 400")
    assert raw(server.port, b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").startswith(b"HTTP/1.1 200")


def test_an_answer_tells_nothing_of_the_server(server: Any) -> None:
    answer = raw(server.port, b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").lower()
    assert b"server:" not in answer
    assert b"access-control" not in answer


class Slow:
    """A network that waits until it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go, self.sizes = threading.Event(), list[int]()
        embed = StandingNetwork.embed

        def wait(standing: StandingNetwork, rows: Any) -> Any:
            self.sizes.append(len(rows))
            assert self.go.wait(20)
            return embed(standing, rows)

        monkeypatch.setattr(StandingNetwork, "embed", wait)


def test_above_the_queues_limit_a_request_gets_a_429_and_when_to_come_again(
    serving: Any, filled: Path, tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow(monkeypatch)
    served = serving.prepare(filled, tiny_base, "law", limits=LIMITS).open()

    async def flood() -> list[Any]:
        asked = [asyncio.create_task(served.encode(["x"] * 4, "law", "query")) for _ in range(5)]
        await asyncio.sleep(0.1)
        slow.go.set()
        return await asyncio.gather(*asked, return_exceptions=True)

    try:
        found = asyncio.run(flood())
    finally:
        served.close()
    refused = [each for each in found if isinstance(each, Exception)]
    assert len(refused) in (2, 3), "one is computed, two wait"
    assert all(each.status == 429 and int(each.headers["Retry-After"]) >= 1 for each in refused)
    assert served.queued == 0


def test_a_request_whose_client_goes_away_leaves_the_queue(
    serving: Any, filled: Path, tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow(monkeypatch)
    content = json.dumps({"model": "law", "input": ["x", "y"]}).encode()
    request = b"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(content) + content
    with serving.running(serving.prepare(filled, tiny_base, "law")) as server:
        first, second = (socket.create_connection(("127.0.0.1", server.port)) for _ in range(2))
        first.sendall(request)
        wait_until(lambda: slow.sizes)
        second.sendall(request)
        wait_until(lambda: server.served.queued == 2)
        second.close()
        wait_until(lambda: server.served.queued == 0)
        slow.go.set()
        assert first.recv(20).startswith(b"HTTP/1.1 200")
        first.close()
        text = server.served.counters.text(0).decode()
    assert slow.sizes == [2]
    assert "adapt_requests_cancelled_total 1.0" in text


def wait_until(holds: Any, timeout_s: float = 10.0) -> None:
    end = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_small_requests_do_not_wait_for_all_of_a_large_one(
    serving: Any, filled: Path, tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow(monkeypatch)
    served = serving.prepare(filled, tiny_base, "law").open()
    done: list[str] = []

    async def ask(name: str, texts: list[str]) -> None:
        await served.encode(texts, "law")
        done.append(name)

    async def both() -> None:
        large = asyncio.create_task(ask("large", ["water " * 400] * 40))
        await asyncio.sleep(0.05)
        small = asyncio.create_task(ask("small", ["law"]))
        await asyncio.sleep(0.05)
        slow.go.set()
        await asyncio.gather(large, small)

    try:
        asyncio.run(both())
    finally:
        served.close()
    assert done == ["small", "large"]


def test_what_is_queued_is_finished_before_the_server_ends(
    serving: Any, filled: Path, tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow(monkeypatch)
    content = json.dumps({"model": "law", "input": "x"}).encode()
    with serving.running(serving.prepare(filled, tiny_base, "law")) as server:
        connection = socket.create_connection(("127.0.0.1", server.port))
        connection.sendall(b"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(content) + content)
        wait_until(lambda: slow.sizes)
        server.server.should_exit = True
        wait_until(lambda: not server.server.servers or not server.server.servers[0].is_serving())
        slow.go.set()
        assert connection.recv(20).startswith(b"HTTP/1.1 200")
        connection.close()


def test_token_ids_are_taken_where_they_are_said_to_be_the_bases(serving: Any, filled: Path, tiny_base: Path) -> None:
    job = serving.prepare(filled, tiny_base, "law", token_ids=True)
    served = job.open()
    encoder = asyncio.run(served.open(served.pin("law"))).encoder
    ids = encoder.tokenize(["the tenant", "law"], "query").ids
    with TestClient(make_app(served, job.request.options), "http://localhost") as client:
        found = embed(client, {"model": "law:query", "input": ids}).json()["data"]
        one = embed(client, {"model": "law:query", "input": ids[0]}).json()["data"]
        refused = [embed(client, {"model": "law", "input": wrong}).status_code for wrong in ([[10**6]], [[-1]], [[]], [5] * 600, [[True]])]
    expected = serving.alone(filled, tiny_base, "law", ["the tenant", "law"], "query")
    np.testing.assert_allclose([each["embedding"] for each in found], expected, atol=1e-6)
    np.testing.assert_allclose(one[0]["embedding"], expected[0], atol=1e-6)
    assert refused == [422] * 5


def test_beyond_this_machine_a_key_is_needed_unless_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"reached from other machines.*--keys FILE.*--no-keys"):
        ServeOptions(host="0.0.0.0")
    assert ServeOptions(host="0.0.0.0", keys=KEYS).keys == KEYS
    assert ServeOptions(host="::1").keys == ServeOptions(host="localhost").keys == ()
    with pytest.raises(RequestError, match="leave one of them out"):
        ServeOptions(keys=KEYS, open_to_all=True)
    assert KEYS[0] not in repr(ServeOptions(keys=KEYS))


def test_keys_come_from_a_file_or_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"# ours\n{KEYS[0]}\n\n{KEYS[1]}\n")
    assert read_keys(file, {}) == KEYS
    assert read_keys(None, {"ADAPT_SERVE_KEYS": f"{KEYS[0]}, {KEYS[1]}"}) == KEYS
    assert read_keys(None, {}) == ()
    for content, message in (("", "holds no key"), ("short", "key 1 .* at least 16"), ("钥匙" * 20, "printable ASCII")):
        file.write_text(content)
        with pytest.raises(ConfigError, match=message):
            read_keys(file, {})
    with pytest.raises(ConfigError, match="cannot be read"):
        read_keys(tmp_path / "none", {})


def test_without_the_extra_the_command_says_what_to_install(
    serving: Any, filled: Path, tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve_job, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r'pip install "adapt-embed\[serve\]"'):
        serving.prepare(filled, tiny_base)


def run(filled: Path, base: Path, *words: str) -> Any:
    return CliRunner().invoke(main, ["serve", *words, "--registry", str(filled), "--base", str(base)])


def test_a_dry_run_shows_what_would_be_served_and_loads_nothing(filled: Path, tiny_base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapt_embed.base.load.load_network", None)
    shown = run(filled, tiny_base, "law@best", "whole", "--dry-run", "--allow-host", "search.example")
    assert shown.exit_code == 0
    assert "law@best   law@1     query" in shown.output
    assert "search.example" in shown.output
    plan = json.loads(run(filled, tiny_base, "--dry-run", "--json").output)
    assert (plan["dry_run"], [each["name"] for each in plan["models"]][:2]) == (True, ["base", "health"])
    assert {"both", "query"} == {each["side"] for each in plan["models"]}


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("lore",), 1, "unknown adapter 'lore'"),
        (("./nothing",), 1, "the folder ./nothing does not exist"),
        (("--host", "0.0.0.0"), 2, "there are no keys"),
        (("--host", "no.such.host.invalid", "--no-keys"), 1, "is not an address of this machine"),
        (("--keys", "nothing.txt"), 1, "cannot be read"),
        (("--port", "70000"), 2, "70000 is not in the range"),
        (("--wait-ms", "nan"), 2, "not a finite number"),
    ],
)
def test_a_wrong_word_is_one_line(filled: Path, tiny_base: Path, words: tuple[str, ...], code: int, message: str) -> None:
    refused = run(filled, tiny_base, *words)
    assert refused.exit_code == code
    assert message in refused.output
    assert "Traceback" not in refused.output


def test_a_port_that_is_taken_is_one_line() -> None:
    with listen(ServeOptions(port=0)) as bound:
        bound.listen()
        with pytest.raises(ConfigError, match=r"cannot be listened on: Address already in use; free the port"):
            listen(replace(ServeOptions(), port=bound.getsockname()[1]))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_command_with_exit_code_0(filled: Path, tiny_base: Path, number: signal.Signals) -> None:
    with listen(ServeOptions(port=0)) as bound:
        port = bound.getsockname()[1]
    before, answers = signal.getsignal(number), list[bytes]()

    def ask_and_stop() -> None:
        while not answers:
            with suppress(OSError):
                answers.append(raw(port, b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=ask_and_stop)
    thread.start()
    done = run(filled, tiny_base, "--port", str(port), "--json")
    thread.join()
    assert (done.exit_code, answers[0][:12]) == (0, b"HTTP/1.1 200")
    assert json.loads(done.stdout)["address"] == f"http://127.0.0.1:{port}"
    assert done.stderr.splitlines()[-1] == "stopped"
    assert f"serving 10 names at http://127.0.0.1:{port}" in done.stderr
    assert signal.getsignal(number) == before


def test_what_torch_reads_is_set_before_it_is_loaded_unless_the_environment_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in serve_job.ENVIRONMENT:
        monkeypatch.setenv(name, "7")
        monkeypatch.delenv(name)
    serve_job.set_environment()
    assert "OMP_WAIT_POLICY" not in os.environ, "torch is loaded here"
    monkeypatch.delitem(sys.modules, "torch")
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    serve_job.set_environment()
    assert {name: os.environ[name] for name in serve_job.ENVIRONMENT} == serve_job.ENVIRONMENT | {"OMP_WAIT_POLICY": "ACTIVE"}
