"""How much does a batch of queries for several adapters cost? Beside one adapter unmerged, one merged, and a swap for each adapter.

    python benchmarks/mixed_batch.py --shared ../shared [--adapters 8] [--queries 32] [--rounds 30] [--threads 2] [--precisions fp32 bf16]
    python benchmarks/mixed_batch.py --report

Queries of medical-medquad with bge-small-en, and adapters of rank 16 on every linear module of its layers. All arms encode the same queries in turn,
round by round, so that what else the machine does meets all of them; a figure is the median over the rounds. `unmerged` is one adapter beside the
weights, as a batch of several has each of them; `swapped` merges one adapter after the other, for the queries of each.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from adapt_embed.base import load_base, resolve_base
from adapt_embed.data.beir import BeirFolder
from adapt_embed.encoders import LoraEncoder, MixedEncoder
from adapt_embed.lora import LoraFactors, LoraModule
from cells import Cells, make_parser

CELLS = Cells("mixed_batch")
RANK = 16


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--adapters", type=int, default=8)
    parser.add_argument("--queries", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precisions", nargs="+", choices=("fp32", "bf16"), default=["fp32", "bf16"])
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    if options.fold:
        CELLS.fold()
    if not (options.report or options.fold):
        torch.set_num_threads(options.threads)
        for precision in options.precisions:
            name = f"{options.device}-{precision}-{options.threads}-threads-{options.queries}-queries-{options.adapters}-adapters"
            CELLS.write(name, measure(options, precision))
    report()


def measure(options: argparse.Namespace, precision: str) -> dict[str, object]:
    """Return the median milliseconds of each arm, and what a mixed batch costs in times the others."""
    base = load_base(resolve_base(str(options.shared / "bases" / "bge-small-en-v1.5")), device=options.device)
    plain = LoraEncoder(base, precision=precision)  # type: ignore[arg-type]
    members = tuple(LoraEncoder(base, draw_factors(base.model, seed), {}, plain.precision) for seed in range(options.adapters))
    asked = BeirFolder(options.shared / "data" / "medical-medquad").load("train").pairs["train"].queries
    queries = [asked[qid] for qid in sorted(asked)[: options.queries]]
    of = [row % options.adapters for row in range(len(queries))]
    mixed, alone = MixedEncoder(members), OneUnmerged((members[0], members[0]))

    def swapped() -> None:
        for adapter, member in enumerate(members):
            member.encode([query for query, own in zip(queries, of, strict=True) if own == adapter], "query")

    arms: dict[str, Callable[[], object]] = {
        "base": lambda: plain.encode(queries, "query"),
        "merged": lambda: members[0].encode(queries, "query"),
        "unmerged": lambda: alone.encode(queries, [0] * len(queries)),
        "mixed": lambda: mixed.encode(queries, of),
        "swapped": swapped,
    }
    ms = {arm: 1000 * statistics.median(seconds) for arm, seconds in rounds_of(arms, options).items()}
    tokens = sum(map(len, plain.tokenize(queries, "query").ids))
    times = {arm: round(ms["mixed"] / ms[arm], 3) for arm in ("merged", "unmerged", "swapped")}
    return {"tokens": tokens, "ms": {arm: round(value, 2) for arm, value in ms.items()}, "mixed_in_times": times}


class OneUnmerged(MixedEncoder):
    """One adapter beside the weights, where it would go the ordinary way."""

    __slots__ = ()

    def _alone(self, *_: object) -> None:
        return None


def rounds_of(arms: dict[str, Callable[[], object]], options: argparse.Namespace) -> dict[str, list[float]]:
    """Return the seconds of each arm, round by round; an arm runs once unseen before it is timed, which merges its weights."""
    seconds: dict[str, list[float]] = {arm: [] for arm in arms}
    for _ in range(options.rounds):
        for arm, run in arms.items():
            run()
            started = time.perf_counter()
            run()
            seconds[arm].append(time.perf_counter() - started)
    return seconds


def draw_factors(network: torch.nn.Module, seed: int) -> LoraFactors:
    draw = torch.Generator().manual_seed(seed)
    linears = {name: each for name, each in network.named_modules() if isinstance(each, torch.nn.Linear) and "encoder.layer" in name}
    return {
        name: LoraModule(
            torch.randn(RANK, each.in_features, generator=draw) / each.in_features**0.5,
            torch.randn(each.out_features, RANK, generator=draw) / 100,
            1.0,
        )
        for name, each in linears.items()
    }


def report() -> None:
    for name, cell in CELLS.read().items():
        ms = ", ".join(f"{arm} {value} ms" for arm, value in cell["ms"].items())
        times = ", ".join(f"{value} times {arm}" for arm, value in cell["mixed_in_times"].items())
        print(f"{name}: {cell['tokens']} tokens: {ms}; mixed is {times}")


if __name__ == "__main__":
    main()
