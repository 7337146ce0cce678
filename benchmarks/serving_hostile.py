"""Ten thousand requests of clients who are up to no good, or only clumsy, against a server on a tiny base, on the loopback alone.

    python benchmarks/serving_hostile.py [--requests 10000] [--at-once 64] [--seed 0]
    python benchmarks/serving_hostile.py --report

Clients are killed while they write or wait, send bodies that are too large or never end, write or read slowly, send what is not JSON or not HTTP,
and show wrong keys. It is told which statuses came for which kind of client, whether the queue was empty afterwards, what the server's memory did,
and whether the server's log holds a word of what was sent.
"""

import argparse
import asyncio
import importlib.util
import json
import logging
import os
import random
import socket
import struct
import subprocess
import sys
import tempfile
import urllib.request
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from cells import PROJECT, Cells, make_parser
from serving import wait_for

CELLS = Cells("serving_hostile")
PORT = 8133
KEY = "0123456789abcdef0123456789abcdef"
WORD = "Geheimnis-秘密"
LIMITS = {"texts": 16, "body_bytes": 20_000, "body_s": 1.0, "head_s": 1.0, "queue": 64, "connections": 256}

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--at-once", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.fold:
        CELLS.fold()
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # of connections that the server closed while these clients write
    if not (options.report or options.fold):
        CELLS.write(f"{options.requests}-requests", measure(options))
    for name, cell in CELLS.read().items():
        print(name, json.dumps(cell, ensure_ascii=False, indent=1))


def measure(options: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as home:
        base, log = tiny_base(Path(home) / "base"), Path(home) / "log"
        words = [str(PORT), "--base", str(base), "--adapters", "3", "--limits", json.dumps(LIMITS), "--key", KEY]
        environment = os.environ | {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
        with log.open("wb") as output:
            command = [sys.executable, str(PROJECT / "benchmarks" / "serving_ours.py"), *words]
            server = subprocess.Popen(command, env=environment, stderr=output)
        try:
            wait_for(PORT, server)
            asyncio.run(ask_all(200, options.at_once, 1))
            before = told()
            statuses = asyncio.run(ask_all(options.requests, options.at_once, options.seed))
            asyncio.run(asyncio.sleep(2.5))
            after = told()
            good = asyncio.run(ask_good())
        finally:
            server.terminate()
            code = server.wait(30)
        text = log.read_text(encoding="utf-8", errors="replace")
    server_errors = {kind: {code: n for code, n in of.items() if code.startswith("5")} for kind, of in statuses.items()}
    return {
        "statuses": statuses,
        "unintended_5xx": sum(sum(each.values()) for each in server_errors.values()),
        "queued_afterwards": after["queued"],
        "rss_mb_before": round(before["rss"] / 1e6, 1),
        "rss_mb_after": round(after["rss"] / 1e6, 1),
        "open_files_grown_by": after["files"] - before["files"],
        "answers_afterwards": good,
        "exit_code": code,
        "log_lines": len(text.splitlines()),
        "log_holds_what_was_sent": "Geheimnis" in text or "秘密" in text or KEY in text,
    }


def tiny_base(folder: Path) -> Path:
    """Make the base of the tests."""
    spec = importlib.util.spec_from_file_location("adapt_conftest", PROJECT / "tests" / "conftest.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made: Path = module.build_tiny_base(folder, seed=0)
    return made


def told() -> dict[str, Any]:
    request = urllib.request.Request(f"http://127.0.0.1:{PORT}/sizes", headers={"Authorization": f"Bearer {KEY}"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


async def ask_all(requests: int, at_once: int, seed: int) -> dict[str, dict[str, int]]:
    """Run so many clients of all kinds, so many at once; return the statuses that came by kind."""
    draw, gate = random.Random(seed), asyncio.Semaphore(at_once)
    found: dict[str, Counter[str]] = {name: Counter() for name in CLIENTS}

    async def one(name: str, seed: int) -> None:
        async with gate:
            found[name][await ask(CLIENTS[name], random.Random(seed))] += 1

    await asyncio.gather(*(one(draw.choices(list(CLIENTS), WEIGHTS)[0], draw.randrange(10**9)) for _ in range(requests)))
    return {name: dict(of) for name, of in found.items()}


async def ask(client: Callable[[Streams, random.Random], Awaitable[bytes]], draw: random.Random) -> str:
    """Return the status that a client got, or why it got none."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
    except OSError:
        return "not connected"
    try:
        async with asyncio.timeout(30):
            answer = await client((reader, writer), draw)
    except TimeoutError:
        return "no answer in 30 s"
    except OSError:
        return "closed"
    finally:
        writer.close()
    return answer[9:12].decode("latin-1") or "closed"


async def ask_good() -> int:
    """Return how many of twenty good requests are answered."""
    answers = [await ask(good, random.Random(seed)) for seed in range(20)]
    return answers.count("200")


def request(body: bytes, *, key: str = KEY, path: str = "/v1/embeddings", more: str = "", length: int | None = None) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nContent-Length: {len(body) if length is None else length}\r\n"
    return (head + more + "\r\n").encode() + body


def body_of(draw: random.Random, **more: Any) -> bytes:
    texts = [f"{WORD} {draw.random()}"] * draw.randrange(1, 5)
    return json.dumps({"model": draw.choice(["base", "a0", "a1:query", "a2"]), "input": texts} | more).encode()


async def send(streams: Streams, content: bytes) -> bytes:
    streams[1].write(content)
    await streams[1].drain()
    return await streams[0].read(65536)


async def good(streams: Streams, draw: random.Random) -> bytes:
    return await send(streams, request(body_of(draw, encoding_format=draw.choice(["float", "base64"]))))


async def killed(streams: Streams, draw: random.Random) -> bytes:
    """Send a part or all of a request, and reset the connection."""
    content = request(body_of(draw))
    streams[1].write(content[: draw.choice([10, len(content) - 5, len(content)])])
    await streams[1].drain()
    await asyncio.sleep(draw.random() * 0.02)
    connection = streams[1].get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    streams[1].transport.abort()
    return b""


async def oversized(streams: Streams, draw: random.Random) -> bytes:
    if draw.random() < 0.5:
        return await send(streams, request(b"x" * 1000, length=10**9))
    chunk = b"1000\r\n" + b"x" * 4096 + b"\r\n"
    head = f"POST /embed HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    return await send(streams, head + chunk * 40)


async def slow_writer(streams: Streams, draw: random.Random) -> bytes:
    content = request(body_of(draw))
    for byte in content[: draw.choice([40, len(content) - 3])]:
        streams[1].write(bytes([byte]))
        if draw.random() < 0.05:
            await asyncio.sleep(0.1)
    return await streams[0].read(65536)


async def slow_reader(streams: Streams, draw: random.Random) -> bytes:
    streams[1].write(request(body_of(draw)) * 3)
    await asyncio.sleep(draw.random() * 0.3)
    return await streams[0].read(20)


async def bad_json(streams: Streams, draw: random.Random) -> bytes:
    junk = [b"{", b"[" * 9000, b"\xff\xfe\x00", b'"' + WORD.encode() + b'"', b"nul", b'{"input": ' + b"9" * 9000 + b"}", b""]
    return await send(streams, request(draw.choice(junk)))


async def bad_fields(streams: Streams, draw: random.Random) -> bytes:
    junk: Any = draw.choice([None, 5, [], {}, [[1]], [WORD, None], "x" * 9000, True, [[]], -1, 1e400, [WORD] * 17])
    field = draw.choice(["input", "model", "dimensions", "encoding_format", "task", "user"])
    return await send(streams, request(body_of(draw, **{field: junk})))


async def bad_key(streams: Streams, draw: random.Random) -> bytes:
    return await send(streams, request(body_of(draw), key=draw.choice(["", "x", KEY[:-1], KEY + "x", WORD.encode().decode("latin-1")])))


async def stranger(streams: Streams, draw: random.Random) -> bytes:
    name = draw.choice(["../../etc/passwd", "hf:me/model", "./a0", "base/", "a0@9", WORD, "", "a0:query:query", "\x00"])
    return await send(streams, request(body_of(draw, model=name), path=draw.choice(["/v1/embeddings", "/embed", "/v1/models/../x", "//"])))


async def not_http(streams: Streams, draw: random.Random) -> bytes:
    junk = [
        b"\x16\x03\x01\x02\x00\x01",
        b"GET / HTTP/9.9\r\n\r\n",
        b"A" * 40_000,
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 6000 + b"\r\n",
        bytes(draw.randbytes(400)),
    ]
    return await send(streams, draw.choice(junk))


CLIENTS: dict[str, Callable[[Streams, random.Random], Awaitable[bytes]]] = {
    "good": good,
    "killed": killed,
    "oversized": oversized,
    "slow writer": slow_writer,
    "slow reader": slow_reader,
    "bad JSON": bad_json,
    "bad fields": bad_fields,
    "bad key": bad_key,
    "stranger's name": stranger,
    "not HTTP": not_http,
}
WEIGHTS = (3, 3, 2, 1, 1, 2, 2, 2, 2, 2)


if __name__ == "__main__":
    main()
