"""Ask a server as fast as so many connections can, in a process of its own: requests are prepared, and answers are counted and not read.

    python benchmarks/serving_load.py PORT --connections 32 --seconds 5 < bodies.jsonl

Each line of the standard input is a request's body, for --path; connections take them in turn, each sending the next when its answer is there.
It prints a JSON object: answers, seconds, statuses, and the latencies in milliseconds at percentiles.
"""

import argparse
import asyncio
import itertools
import json
import sys
import time
from collections import Counter


class Connection(asyncio.Protocol):
    """One connection that is never without a request until the time is over."""

    def __init__(self, requests: "itertools.cycle[bytes]", until: float, latencies: list[float], statuses: Counter) -> None:
        self.requests, self.until, self.latencies, self.statuses = requests, until, latencies, statuses
        self.received, self.ended = b"", asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.ask()

    def ask(self) -> None:
        self.received, self.asked = b"", time.perf_counter()
        if self.asked >= self.until:
            self.transport.close()
        else:
            self.transport.write(next(self.requests))

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, is_whole, body = self.received.partition(b"\r\n\r\n")
        if is_whole and len(body) >= int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]):
            self.latencies.append(time.perf_counter() - self.asked)
            self.statuses[head[9:12].decode()] += 1
            self.ask()

    def connection_lost(self, _: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


def prepare(body: str, path: str, port: int, key: str | None = None) -> bytes:
    """Return a request as it goes over the wire."""
    content = body.encode()
    auth = f"Authorization: Bearer {key}\r\n" if key else ""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{auth}Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


async def ask(port: int, path: str, bodies: list[str], connections: int, seconds: float) -> dict[str, object]:
    """Ask for so many seconds; return what came."""
    requests = itertools.cycle([prepare(body, path, port) for body in bodies])
    latencies: list[float] = []
    statuses: Counter = Counter()
    loop, started = asyncio.get_running_loop(), time.perf_counter()
    made = [
        await loop.create_connection(lambda: Connection(requests, started + seconds, latencies, statuses), "127.0.0.1", port)
        for _ in range(connections)
    ]
    await asyncio.gather(*(connection.ended for _, connection in made))
    took = time.perf_counter() - started
    ordered = sorted(latencies)
    at = {f"p{share}": round(1000 * ordered[min(len(ordered) - 1, len(ordered) * share // 100)], 3) for share in (50, 95, 99)}
    return {"answers": len(ordered), "seconds": round(took, 3), "statuses": statuses, **at}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("port", type=int)
    parser.add_argument("--path", default="/v1/embeddings")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=5.0)
    options = parser.parse_args()
    bodies = [line.strip() for line in sys.stdin if line.strip()]
    print(json.dumps(asyncio.run(ask(options.port, options.path, bodies, options.connections, options.seconds))))


if __name__ == "__main__":
    main()
