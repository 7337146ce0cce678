"""What does serving cost beside the encoder, and beside FastAPI with sentence-transformers?

    python benchmarks/serving.py --shared ../shared [--precisions bf16 fp32] [--rounds 5] [--seconds 4] [--threads 2]
    python benchmarks/serving.py --report

Single queries of medical-medquad with bge-small-en. Both servers run at once, and are asked in turn, round by round, by a process of its own
(`serving_load.py`), so that what else the machine does meets all arms; shares are the medians of the rounds' own. The encoder's own time at the
batch sizes that occurred is measured in this process in the same round, while the servers are idle. Vectors are asked for in base64, as OpenAI's
client does.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the servers have it: spinning threads would measure what else the machine does

import torch
from adapt_embed.base import load_base, resolve_base
from adapt_embed.data.beir import BeirFolder
from adapt_embed.encoders import LoraEncoder
from adapt_embed.serve.job import ENVIRONMENT
from cells import HERE, Cells, make_parser

CELLS = Cells("serving")
OURS, PEER = 8131, 8132
ADAPTERS = 8
NEVER = 10**9
BARS = {"share": 0.75, "over_one": {"bf16": 2.2, "fp32": 1.7}, "added_ms": 1.5, "over_peer": 2.0, "mixed_of_unmerged": 0.85}


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--precisions", nargs="+", choices=("fp32", "bf16"), default=["bf16", "fp32"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    if options.fold:
        CELLS.fold()
    if not (options.report or options.fold):
        torch.set_num_threads(options.threads)
        for precision in options.precisions:
            CELLS.write(f"throughput-{precision}-{options.threads}-threads", measure(options, precision))
    report()


def measure(options: argparse.Namespace, precision: str) -> dict[str, Any]:
    """Return the figures of each round, and their medians."""
    base = str(options.shared / "bases" / "bge-small-en-v1.5")
    asked = BeirFolder(options.shared / "data" / "medical-medquad").load("train").pairs["train"].queries
    queries = [asked[qid] for qid in sorted(asked)[:512]]
    encoder = LoraEncoder(load_base(resolve_base(base)), precision=precision)  # type: ignore[arg-type]
    with ExitStack() as stack:
        for program, port, more in (("serving_ours.py", OURS, ["--adapters", str(ADAPTERS)]), ("serving_peer.py", PEER, [])):
            stack.enter_context(running(program, port, "--base", base, "--dtype", precision, *more, threads=options.threads))
        rounds = [one_round(encoder, queries, options.seconds) for _ in range(options.rounds + 1)][1:]  # the first is to warm up
    names = sorted(rounds[0])
    return {"rounds": rounds, "median": {name: round(statistics.median(each[name] for each in rounds), 4) for name in names}}


def one_round(encoder: LoraEncoder, queries: list[str], seconds: float) -> dict[str, float]:
    """Ask both servers, and time the encoder; return rates, shares and latencies."""
    sizes_now(merge_after=16)
    ours = load(OURS, queries, ["base"], 32, seconds)
    told = sizes_now()
    own = own_rate(encoder, queries, told["sizes"])
    single_ms = own_single_ms(encoder, queries)
    alone = load(OURS, queries, ["base"], 1, seconds / 2)
    peer = load(PEER, queries, ["base"], 32, seconds)
    mixed = load(OURS, queries, [f"a{number}" for number in range(ADAPTERS)], 32, seconds)
    sizes_now(merge_after=NEVER)
    unmerged = load(OURS, queries, ["a0"], 32, seconds)
    sizes_now(merge_after=0)
    merged = load(OURS, queries, ["a0"], 32, seconds)
    rates = {"ours": ours, "one_connection": alone, "peer": peer, "mixed": mixed, "unmerged": unmerged, "merged": merged}
    rate = {name: each["answers"] / each["seconds"] for name, each in rates.items()}
    return {
        **{f"rate_{name}": round(value, 1) for name, value in rate.items()},
        **{f"p50_{name}": each["p50"] for name, each in rates.items()},
        "p99_ours": ours["p99"],
        "p99_peer": peer["p99"],
        "texts_per_batch": statistics.mean(told["sizes"]),
        "rate_own": round(own, 1),
        "own_single_ms": round(single_ms, 3),
        "share": rate["ours"] / own,
        "over_one": rate["ours"] / (1000 / single_ms),
        "over_one_connection": rate["ours"] / rate["one_connection"],
        "added_ms": alone["p50"] - single_ms,
        "over_peer": rate["ours"] / rate["peer"],
        "mixed_of_unmerged": rate["mixed"] / rate["unmerged"],
        "mixed_of_merged": rate["mixed"] / rate["merged"],
        "rss_mb": round(told["rss"] / 1e6, 1),
    }


def own_rate(encoder: LoraEncoder, queries: list[str], sizes: list[int]) -> float:
    """Return the texts a second of the encoder itself in batches of the sizes that occurred, the most frequent ones timed."""
    counted = Counter(sizes)
    texts = seconds = 0.0
    for size, times in counted.most_common(6):
        took = []
        for start in range(5):
            batch = [queries[(start * size + row) % len(queries)] for row in range(size)]
            before = time.perf_counter()
            encoder.encode(batch, "query")
            took.append(time.perf_counter() - before)
        texts, seconds = texts + size * times, seconds + statistics.median(took) * times
    return texts / seconds


def own_single_ms(encoder: LoraEncoder, queries: list[str]) -> float:
    took = []
    for query in queries[:40]:
        before = time.perf_counter()
        encoder.encode([query], "query")
        took.append(time.perf_counter() - before)
    return 1000 * statistics.median(took)


def load(port: int, queries: list[str], models: list[str], connections: int, seconds: float) -> dict[str, Any]:
    """Ask a server, in a process of its own."""
    bodies = [
        json.dumps({"model": f"{models[row % len(models)]}:query", "input": query, "encoding_format": "base64"})
        for row, query in enumerate(queries)
    ]
    words = [sys.executable, str(HERE / "serving_load.py"), str(port), "--connections", str(connections), "--seconds", str(seconds)]
    found: dict[str, Any] = json.loads(subprocess.run(words, input="\n".join(bodies), capture_output=True, text=True, check=True).stdout)
    assert set(found["statuses"]) == {"200"}, found["statuses"]
    return found


def sizes_now(**settings: int) -> dict[str, Any]:
    words = "&".join(f"{name}={value}" for name, value in settings.items())
    with urllib.request.urlopen(f"http://127.0.0.1:{OURS}/sizes?{words}") as answer:
        return json.load(answer)


@contextmanager
def running(program: str, port: int, *words: str, threads: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run one of the servers until it answers, and end it afterwards."""
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "TOKENIZERS_PARALLELISM": "false"} | ENVIRONMENT
    with subprocess.Popen([sys.executable, str(HERE / program), str(port), *words], env=environment) as server:
        try:
            wait_for(port, server)
            yield server
        finally:
            server.terminate()


def wait_for(port: int, server: subprocess.Popen[bytes], timeout_s: float = 180) -> None:
    end = time.monotonic() + timeout_s
    while time.monotonic() < end and server.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health").close()
        except urllib.error.HTTPError:
            return  # it answers, though not this
        except OSError:
            time.sleep(0.3)
        else:
            return
    raise SystemExit(f"nothing answers at port {port}")


def report() -> None:
    for name, cell in CELLS.read().items():
        print(f"{name}: " + ", ".join(f"{key} {value:g}" for key, value in cell.get("median", cell).items()))


if __name__ == "__main__":
    main()
