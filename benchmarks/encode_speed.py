"""How fast is encoding on a CPU? adapt, the adapt of another checkout and sentence-transformers beside the matrix products alone.

    python benchmarks/encode_speed.py --shared ../shared [--before CHECKOUT] [--texts 600] [--precision bf16] [--rounds 3] [--threads 2]

All encode the same passages of medical-medquad with bge-small-en, at most 512 tokens. `floor` is the matrix products of the same shapes, in the same
precision and in batches as adapt has them: six a layer, and two of attention; `linear` is the six alone. Each arm is a process that loads its base
once and is then asked in turn with the others, one share of the passages at a time, so that what else the machine does meets all of them. An arm's
figure is the median over the rounds of what all shares took together.
"""

import argparse
import functools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from cells import make_shared_parser

SHARES = 10
Encode = Callable[[list[str]], float]


def main() -> None:
    parser = make_shared_parser(__doc__)
    parser.add_argument("--before", type=Path, help="another checkout of this repository")
    parser.add_argument("--texts", type=int, default=600)
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="bf16")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--processor-time", action="store_true", help="count processor seconds: for one thread of a machine that others use"
    )
    parser.add_argument("--one", choices=tuple(ARMS), help="answer on stdin and stdout, as the whole calls it")
    options = parser.parse_args()
    if options.processor_time:
        time.monotonic = time.process_time
    if options.one:
        serve(ARMS[options.one](options), passages(options))
    else:
        print(json.dumps(measure(options), indent=1))


def passages(options: argparse.Namespace) -> list[list[str]]:
    """Return shares of the passages that are as long as one another."""
    from adapt_embed.data.beir import BeirFolder

    corpus = BeirFolder(options.shared / "data" / "medical-medquad").corpus()
    texts = [corpus[pid] for pid in sorted(corpus)[: options.texts]]
    return [texts[first::SHARES] for first in range(SHARES)]


def measure(options: argparse.Namespace) -> dict[str, object]:
    """Ask the arms in turn; return the seconds of each, and how many times the floor that is."""
    arms = [arm for arm in ARMS if arm != "before" or options.before]
    with tempfile.TemporaryDirectory() as folder:
        processes = {arm: start(options, arm, Path(folder)) for arm in arms}
        rounds: dict[str, list[float]] = {arm: [] for arm in arms}
        for number in range(options.rounds):
            seconds = dict.fromkeys(arms, 0.0)
            for share in range(SHARES):
                for arm in arms:
                    seconds[arm] += ask(processes[arm], share)
            for arm, value in seconds.items():
                rounds[arm].append(value)
            print(number + 1, {arm: round(value, 2) for arm, value in seconds.items()}, file=sys.stderr, flush=True)
        for process in processes.values():
            process.communicate("end\n")
    found = {arm: statistics.median(values) for arm, values in rounds.items()}
    times = {
        arm: statistics.median(one / floor for one, floor in zip(values, rounds["floor"], strict=True)) for arm, values in rounds.items()
    }
    facts = {"texts": options.texts, "precision": options.precision, "threads": options.threads, "rounds": options.rounds}
    return facts | {arm: {"s": round(found[arm], 2), "times_the_floor": round(times[arm], 2)} for arm in arms}


def start(options: argparse.Namespace, arm: str, folder: Path) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        __file__,
        "--shared",
        options.shared,
        "--texts",
        options.texts,
        "--precision",
        options.precision,
        "--one",
        arm,
    ]
    command += ["--processor-time"] if options.processor_time else []
    environment = os.environ | {"OMP_NUM_THREADS": str(options.threads), "OMP_WAIT_POLICY": "passive", "TOKENIZERS_PARALLELISM": "false"}
    if arm == "before":
        (folder / "adapt_embed").symlink_to(options.before.resolve())
        environment["PYTHONPATH"] = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen([*map(str, command)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    ask(process, 0)  # until it is loaded, and warm
    return process


def ask(process: subprocess.Popen[str], share: int) -> float:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{share}\n")
    process.stdin.flush()
    answer = process.stdout.readline()
    if not answer:
        sys.exit("an arm failed; its message stands above")
    return float(answer)


def serve(encode: Encode, shares: list[list[str]]) -> None:
    for line in sys.stdin:
        if line.strip() == "end":
            return
        print(encode(shares[int(line)]), flush=True)


def ours(options: argparse.Namespace) -> Encode:
    from adapt_embed.encoders import LoraEncoder

    encoder = LoraEncoder(load(options), precision=options.precision)
    return lambda texts: timed(lambda: encoder.encode(texts))


def load(options: argparse.Namespace):
    from adapt_embed.base import load_base, resolve_base
    from adapt_embed.base.resolve import BaseOptions

    return load_base(resolve_base(str(options.shared / "bases" / "bge-small-en-v1.5"), options=BaseOptions(pooling="cls")))


def peer(options: argparse.Namespace) -> Encode:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules as models

    modules = [models.Transformer(str(options.shared / "bases" / "bge-small-en-v1.5"), max_seq_length=512)]
    model = SentenceTransformer(modules=[*modules, models.Pooling(384, pooling_mode="cls"), models.Normalize()], device="cpu")
    model = model.bfloat16() if options.precision == "bf16" else model
    return lambda texts: timed(lambda: model.encode(texts, batch_size=32, convert_to_tensor=True))


def products(options: argparse.Namespace, *, attention: bool) -> Encode:
    """Return what times the products alone: their operands are drawn beforehand."""
    from adapt_embed.encoders.batching import default_batch_tokens, length_batches
    from adapt_embed.encoders.tokens import tokenize

    base, kind = load(options), torch.bfloat16 if options.precision == "bf16" else torch.float32
    network = base.model.config
    width, inner, heads = network.hidden_size, network.intermediate_size, network.num_attention_heads
    weights = {shape: torch.randn(shape, dtype=kind) for shape in ((width, width), (inner, width), (width, inner))}

    def encode(texts: list[str]) -> float:
        lengths = [len(ids) for ids in tokenize(base, texts, "document").ids]
        seconds = 0.0
        for rows in length_batches(lengths, default_batch_tokens(base.device)):
            n, length = len(rows), lengths[rows[0]]
            states, wide = (torch.randn(n * length, size, dtype=kind) for size in (width, inner))
            query, key = (torch.randn(n * heads, length, width // heads, dtype=kind) for _ in range(2))
            scores = torch.randn(n * heads, length, length, dtype=kind)
            pairs = [*[(states, weights[width, width].T)] * 4, (states, weights[inner, width].T), (wide, weights[width, inner].T)]
            pairs += [(query, key.transpose(1, 2)), (scores, key)] if attention else []
            seconds += timed(functools.partial(multiply, pairs * network.num_hidden_layers))
        return seconds

    return encode


def multiply(pairs: list[tuple[torch.Tensor, torch.Tensor]]) -> None:
    for left, right in pairs:
        torch.matmul(left, right)


def timed(run: Callable[[], object]) -> float:
    with torch.inference_mode():
        started = time.monotonic()
        run()
        return time.monotonic() - started


ARMS: dict[str, Callable[[argparse.Namespace], Encode]] = {
    "floor": lambda options: products(options, attention=True),
    "linear": lambda options: products(options, attention=False),
    "adapt": ours,
    "before": ours,
    "peer": peer,
}

if __name__ == "__main__":
    main()
