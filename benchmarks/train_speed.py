"""How fast is a training step, and what memory does it take? adapt beside sentence-transformers + peft, on the same pairs.

    python benchmarks/train_speed.py --shared ../shared [--sets legal,ecommerce,medical] [--arms adapt,twice,peer] [--before CHECKOUT]
        [--precision fp32] [--steps 5] [--runs 3] [--threads 2]

Both train rank-16 adapters on all linear modules of bge-small-en in batches of 32 pairs (one positive a query), at most 256 tokens, in one precision.
`twice` is adapt as it is where memory is short: every micro-batch is embedded twice. `before` is the adapt of another checkout of this repository.
Each run is a process of its own, the arms taken in turn; a step lasts from the end of the one before to its own, tokenising and all, so that the
first is left out. A run's figure is the median of its steps, an arm's the median of its runs. All run on the best device here; memory is the process's on a CPU, and what torch holds on a GPU.
`--report` prints the figures that are kept (cells.py).
"""

import argparse
import functools
import itertools
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from cells import Cells, make_parser
from train_quality import SETS, SETTINGS

CELLS = Cells("train_speed")
BATCH = SETTINGS["batch_size"]


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--sets", default="legal,ecommerce,medical")
    parser.add_argument("--arms", default="adapt,twice,peer")
    parser.add_argument("--before", type=Path, help="another checkout of this repository")
    add_timing(parser, steps=5, threads=2)
    options = parse_timing(parser)
    if options.one:
        arm, name = options.one
        print(json.dumps({"steps_s": ARMS[arm](options, name), "peak_mb": peak_mb()}))
        return
    if options.fold:
        CELLS.fold()
    if not (options.report or options.fold):
        kind = "cuda" if torch.cuda.is_available() else "cpu"
        CELLS.write(kind if options.precision == "fp32" else f"{kind}-bf16", measure(options))
    print(json.dumps(CELLS.read(), indent=1))


def add_timing(parser: argparse.ArgumentParser, *, steps: int, threads: int) -> None:
    """Add the options of how steps are timed, each arm in a process of its own."""
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--steps", type=int, default=steps)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=threads)
    parser.add_argument(
        "--processor-time", action="store_true", help="count processor seconds: for one thread of a machine that others use"
    )
    parser.add_argument("--one", nargs=2, metavar=("ARM", "SET"), help="one run, as the whole calls it")


def parse_timing(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Return the options; in the process of one run, the clock is set to what was asked for."""
    options = parser.parse_args()
    if options.one and options.processor_time:
        time.monotonic = time.process_time
    return options


def run_apart(script: str, options: argparse.Namespace, arm: str, name: str, **environment: str) -> dict:
    """Run one arm on one set in a process of its own, and return what it prints last."""
    command = [sys.executable, script, "--shared", options.shared, "--steps", options.steps, "--precision", options.precision]
    command += ["--processor-time"] if options.processor_time else []
    threads = {"OMP_NUM_THREADS": str(options.threads), "OMP_WAIT_POLICY": "passive", "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(
        [*map(str, command), "--one", arm, name], capture_output=True, text=True, env=os.environ | threads | environment, check=False
    )
    if done.returncode:
        sys.exit(f"{arm} on {name} failed: {done.stderr[-2000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def measure(options: argparse.Namespace) -> dict:
    facts = {
        "device": device_name(),
        "precision": options.precision,
        "threads": options.threads,
        "steps": options.steps,
        "runs": options.runs,
    }
    return facts | {"sets": {name: compare(options, name) for name in options.sets.split(",")}}


def compare(options: argparse.Namespace, name: str) -> dict[str, object]:
    """Run the arms in turn, and return their medians and how many times faster ours is."""
    arms = [*options.arms.split(","), *(["before"] if options.before else [])]
    found: dict[str, list[dict]] = {arm: [] for arm in arms}
    for _ in range(options.runs):
        for arm, runs in found.items():
            runs.append(run(options, arm, name))
            print(f"{name} {arm}: {step_s(runs[-1]):.2f} s a step, {runs[-1]['peak_mb']:.0f} MB", file=sys.stderr, flush=True)
    seconds = {arm: statistics.median(map(step_s, runs)) for arm, runs in found.items()}
    memory = {arm: statistics.median(run["peak_mb"] for run in runs) for arm, runs in found.items()}
    return {
        "pairs_per_s": {arm: round(BATCH / value, 2) for arm, value in seconds.items()},
        "peak_mb": {arm: round(value) for arm, value in memory.items()},
        "times_faster": {f"adapt than {arm}": round(value / seconds["adapt"], 2) for arm, value in seconds.items() if arm != "adapt"},
    }


def run(options: argparse.Namespace, arm: str, name: str) -> dict:
    if arm != "before":
        return run_apart(__file__, options, arm, name)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "adapt_embed").symlink_to(options.before.resolve())
        return run_apart(__file__, options, arm, name, PYTHONPATH=os.pathsep.join([folder, os.environ.get("PYTHONPATH", "")]))


def device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def device_name() -> str:
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"


def now() -> float:
    """Return the time when everything that was asked for is done."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.monotonic()


def peak_mb() -> float:
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 1024**2
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def step_s(run: dict) -> float:
    return statistics.median(run["steps_s"])


def drawn(options: argparse.Namespace, name: str):
    """Return the same queries for all arms, each with its first positive, as training data of one epoch."""
    from adapt_embed.data.beir import BeirFolder
    from adapt_embed.data.pairs import TrainingData, draw_queries

    source = BeirFolder(options.shared / "data" / SETS[name].data)
    corpus = source.corpus()
    pairs = draw_queries(source.pairs("train", corpus), BATCH * options.steps, 0)
    first = {qid: dict([min(passages.items())]) for qid, passages in pairs.positives.items()}
    return TrainingData(corpus=corpus, train=replace(pairs, positives=first), dev=None, source=name)


def train_adapt(options: argparse.Namespace, name: str) -> list[float]:
    from adapt_embed.adapters import TrainConfig, train_adapter
    from adapt_embed.base import load_base, resolve_base
    from adapt_embed.base.resolve import BaseOptions

    folder, data = options.shared / "bases" / SETS[name].base, drawn(options, name)
    base = load_base(resolve_base(str(folder), options=BaseOptions(settings_of=SETS[name].base_as)), device=device())
    config = TrainConfig(**(SETTINGS | {"epochs": 1, "precision": options.precision}))
    clock: list[float] = []
    train_adapter(base, data, config, on_step=lambda _: clock.append(now()))
    return [after - before for before, after in itertools.pairwise(clock)]


def train_twice(options: argparse.Namespace, name: str) -> list[float]:
    from adapt_embed.adapters.sides import both

    both.accumulate_gradients = functools.partial(both.accumulate_gradients, budget=0)
    return train_adapt(options, name)


def train_peer(options: argparse.Namespace, name: str) -> list[float]:
    from adapt_embed.base.known import known_base
    from peer_sentence_transformers import make_trainer
    from transformers import TrainerCallback

    data, prompt = drawn(options, name), known_base(SETS[name].base_as).query_prompt
    rows = [(prompt + data.train.queries[qid], data.corpus[next(iter(found))]) for qid, found in data.train.positives.items()]
    clock: list[float] = []

    class Clock(TrainerCallback):
        def on_step_end(self, *_: object, **__: object) -> None:
            clock.append(now())

    with tempfile.TemporaryDirectory() as folder:
        base = options.shared / "bases" / SETS[name].base
        settings = SETTINGS | {"epochs": 1, "bf16": options.precision == "bf16"}
        make_trainer(base, rows, Path(folder), 0, settings, [Clock()], device=device()).train()
    return [after - before for before, after in itertools.pairwise(clock)]


ARMS: dict[str, Callable[[argparse.Namespace, str], list[float]]] = {
    "adapt": train_adapt,
    "before": train_adapt,
    "twice": train_twice,
    "peer": train_peer,
}

if __name__ == "__main__":
    main()
