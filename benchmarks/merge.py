"""Merging on the factors against peft's `add_weighted_adapter`: time, error and memory; and what merging costs as it grows.

    python benchmarks/merge.py peers     three rank-16 adapters of BERT-base shape, ours beside peft's svd, ties_svd and linear
    python benchmarks/merge.py growth    cost against rank, number of adapters and size of the model, with a picture
    python benchmarks/merge.py hundred   100 adapters from files: time against their number past the crossover, peak memory

Equal threads for all (`--threads`, 2). Times are medians of `--repeats` runs in one process, taken in turn. `--report` prints the
figures that are kept (cells.py); the picture is drawn into benchmarks/runs/merge/growth.svg.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from adapt_embed.lora import CONFIG, WEIGHTS, LoraFactors, LoraFile, LoraModule, RankPolicy, lora_config, write_lora
from adapt_embed.merge import MergeConfig, MethodSettings, merge_factors
from cells import Cells, make_parser

CELLS = Cells("merge")
SHAPES = {"small": (12, 384, 1536), "base": (12, 768, 3072), "large": (24, 1024, 4096)}
"""Name -> layers, width, inner width of a BERT."""


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("part", choices=list(PARTS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--count", type=int, default=100, help="adapters (for `memory`, which `hundred` calls)")
    parser.add_argument("--folder", type=Path, help="where they lie (for `memory`)")
    options = parser.parse_args()
    if options.part == "memory":
        print(json.dumps(memory(options)))
        return
    if options.fold:
        CELLS.fold()
    if not (options.report or options.fold):
        torch.set_num_threads(options.threads)
        CELLS.write(options.part, PARTS[options.part](options))
    found = CELLS.read().get(options.part, {})
    if options.part == "growth" and found:
        plot_growth(found["seconds"], CELLS.runs / "growth.svg")
    print(json.dumps(found, indent=1))


def random_adapter(seed: int, rank: int = 16, shape: str = "base") -> LoraFactors:
    """Factors on every linear module of a BERT, of the size that training leaves."""
    layers, width, inner = SHAPES[shape]
    draw = torch.Generator().manual_seed(seed)
    modules = {f"attention.{name}": (width, width) for name in ("self.query", "self.key", "self.value", "output.dense")}
    modules |= {"intermediate.dense": (inner, width), "output.dense": (width, inner)}
    return {
        f"encoder.layer.{layer}.{name}": LoraModule(
            torch.randn(rank, into, generator=draw) * 0.05, torch.randn(out, rank, generator=draw) * 0.01, 2.0
        )
        for layer in range(layers)
        for name, (out, into) in modules.items()
    }


def peers(options: argparse.Namespace) -> dict:
    """Three rank-16 adapters with equal weights; the error is to the dense mean of the updates, beside the least error that rank 16 allows."""
    adapters = [random_adapter(seed) for seed in range(3)]
    with tempfile.TemporaryDirectory() as home:
        model = peft_model(adapters, Path(home))
        runs: dict[str, Callable[[], LoraFactors]] = {
            "adapt linear, rank 16": lambda: ours(adapters, RankPolicy(rank=16)),
            "adapt linear, rank full": lambda: ours(adapters, RankPolicy(rank="full")),
            "adapt ties, rank 48": lambda: ours(adapters, RankPolicy(rank=48), "ties"),
            "peft svd (svd_full_matrices=False)": lambda: theirs(model, "svd", svd_rank=16, svd_full_matrices=False),
            "peft ties_svd (svd_full_matrices=False)": lambda: theirs(model, "ties_svd", svd_rank=48, density=0.5, svd_full_matrices=False),
            "peft linear": lambda: theirs(model, "linear"),
        }
        seconds: dict[str, list[float]] = {name: [] for name in runs}
        errors: dict[str, float] = {}
        for _ in range(options.repeats):
            for name, run in runs.items():
                started = time.perf_counter()
                result = run()
                seconds[name].append(time.perf_counter() - started)
                errors[name] = error_to_mean(result, adapters) if "ties" not in name else float("nan")
                print(f"{name}: {seconds[name][-1]:.3f} s", file=sys.stderr, flush=True)
    median = {name: statistics.median(values) for name, values in seconds.items()}
    fast = median["adapt linear, rank 16"]
    rows = {
        name: {
            "seconds": round(value, 4),
            "times ours": round(value / fast, 1),
            "error": None if errors[name] != errors[name] else errors[name],
        }
        for name, value in median.items()
    }
    return {"threads": options.threads, "repeats": options.repeats, "torch": torch.__version__, "rows": rows}


def ours(adapters: list[LoraFactors], ranks: RankPolicy, method: str = "linear") -> LoraFactors:
    settings = MethodSettings(density=0.5)
    return merge_factors(adapters, MergeConfig(method=method, ranks=ranks, settings=settings)).factors


def peft_model(adapters: list[LoraFactors], home: Path) -> object:
    """A BERT with random weights that carries the adapters; the weights of the base do not matter."""
    from peft import PeftModel
    from transformers import BertConfig, BertModel

    model = BertModel(BertConfig())
    for row, factors in enumerate(adapters):
        folder = home / str(row)
        write_folder(folder, factors, torch.float32)
        model = PeftModel.from_pretrained(model, folder, adapter_name=f"a{row}") if row == 0 else model
        if row:
            model.load_adapter(folder, adapter_name=f"a{row}")
    return model


def write_folder(folder: Path, factors: LoraFactors, dtype: torch.dtype) -> None:
    folder.mkdir(parents=True)
    write_lora(factors, folder / WEIGHTS, dtype=dtype)
    config = lora_config(factors, "bert", None)
    alpha = next(iter(factors.values())).scale * next(iter(factors.values())).rank
    (folder / CONFIG).write_text(json.dumps(config | {"lora_alpha": alpha, "alpha_pattern": {}}), encoding="utf-8")


def theirs(model: object, kind: str, **options: object) -> LoraFactors:
    """Merge with peft, and read the result back as factors (reading is a few ms and counts for it)."""
    from peft.tuners.lora import LoraLayer

    if "merged" in model.peft_config:  # type: ignore[attr-defined]
        model.delete_adapter("merged")  # type: ignore[attr-defined]
    model.add_weighted_adapter(["a0", "a1", "a2"], [1 / 3] * 3, "merged", combination_type=kind, **options)  # type: ignore[attr-defined]
    return {
        name.removeprefix("base_model.model."): LoraModule(
            module.lora_A["merged"].weight.detach(), module.lora_B["merged"].weight.detach(), float(module.scaling["merged"])
        )
        for name, module in model.named_modules()  # type: ignore[attr-defined]
        if isinstance(module, LoraLayer)
    }


def error_to_mean(result: LoraFactors, adapters: list[LoraFactors]) -> float:
    """Relative Frobenius error of a merge to the dense mean of the updates, over all modules, in float64."""
    wrong = whole = 0.0
    for name, module in result.items():
        mean = sum(each[name].scale * (each[name].b.double() @ each[name].a.double()) for each in adapters) / len(adapters)
        wrong += float((module.scale * (module.b.double() @ module.a.double()) - mean).square().sum())
        whole += float(mean.square().sum())
    return (wrong / whole) ** 0.5


def growth(options: argparse.Namespace) -> dict:
    """Seconds of a linear merge at rank auto, one thing growing at a time from 3 adapters of rank 16 on BERT-base."""
    axes = {
        "rank": [(rank, 3, "base") for rank in (4, 8, 16, 32, 64, 128, 256)],
        "adapters": [(16, count, "base") for count in (2, 4, 8, 16, 32, 48, 64)],
        "model": [(16, 3, shape) for shape in SHAPES],
    }
    found: dict[str, list] = {}
    for axis, cells in axes.items():
        for rank, count, shape in cells:
            adapters = [random_adapter(seed, rank, shape) for seed in range(count)]
            value = {"rank": rank, "adapters": count, "model": shape}[axis]
            found.setdefault(axis, []).append(
                (value, round(median_seconds(lambda given=adapters: ours(given, RankPolicy()), options.repeats), 4))
            )
            print(axis, found[axis][-1], file=sys.stderr, flush=True)
    return {"threads": options.threads, "repeats": options.repeats, "seconds": found}


def median_seconds(run: Callable[[], object], repeats: int) -> float:
    values = []
    for _ in range(repeats):
        started = time.perf_counter()
        run()
        values.append(time.perf_counter() - started)
    return statistics.median(values)


def plot_growth(found: dict[str, list], path: Path) -> None:
    from matplotlib.figure import Figure

    path.parent.mkdir(parents=True, exist_ok=True)
    figure = Figure(figsize=(10, 3.2), layout="constrained")
    labels = {"rank": "rank of each of 3 adapters", "adapters": "adapters of rank 16", "model": "BERT size, 3 adapters of rank 16"}
    for axes, (axis, points) in zip(figure.subplots(1, 3), found.items(), strict=True):
        axes.plot([str(x) if axis == "model" else x for x, _ in points], [seconds for _, seconds in points], marker="o")
        axes.set(xlabel=labels[axis], ylabel="seconds", ylim=(0, None))
        axes.grid(alpha=0.3)
    figure.savefig(path, metadata={"Date": None})


def hundred(options: argparse.Namespace) -> dict:
    """Merge up to 100 rank-16 adapters read from files; past 48 of them the ranks span BERT-base's width, and modules are merged dense."""
    counts = (50, 60, 70, 80, 90, 100)
    with tempfile.TemporaryDirectory() as home:
        for seed in range(max(counts)):
            write_folder(Path(home) / str(seed), random_adapter(seed), torch.float16)
        cells = {count: memory_of(Path(home), count, options) for count in counts}
    slope, offset = statistics.linear_regression(list(cells), [cell["seconds"] for cell in cells.values()])
    fit = statistics.correlation(list(cells), [cell["seconds"] for cell in cells.values()]) ** 2
    return {
        "threads": options.threads,
        "cells": {str(count): cell for count, cell in cells.items()},
        "seconds per adapter": round(slope, 4),
        "seconds before the first": round(offset, 3),
        "r squared of the line": round(fit, 4),
    }


def memory_of(home: Path, count: int, options: argparse.Namespace) -> dict:
    """Merge in a process of its own, so that its peak is its own."""
    command = [sys.executable, __file__, "memory", "--count", str(count), "--folder", str(home), "--threads", str(options.threads)]
    runs = [json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout) for _ in range(options.repeats)]
    print(count, runs, file=sys.stderr, flush=True)
    return sorted(runs, key=lambda run: run["seconds"])[len(runs) // 2]


def memory(options: argparse.Namespace) -> dict:
    """Merge files, and return how far the peak of this process rose over what it took for a merge of one small adapter."""
    ours([random_adapter(0, 1, "small")], RankPolicy(rank=1))
    before = peak_mb()
    parents = [LoraFile(options.folder / str(number)) for number in range(options.count)]
    started = time.perf_counter()
    result = merge_factors(parents, MergeConfig(ranks=RankPolicy(rank=64)))
    seconds = time.perf_counter() - started
    output = sum(module.a.nbytes + module.b.nbytes for module in result.factors.values()) / 1e6
    largest = max(parents[0], key=lambda name: parents[0][name].a.nbytes + parents[0][name].b.nbytes)
    one = sum(parent[largest].a.nbytes + parent[largest].b.nbytes for parent in parents) / 1e6
    return {
        "seconds": round(seconds, 3),
        "peak_mb": round(peak_mb() - before, 1),
        "one_module_of_all_mb": round(one, 1),
        "output_mb": round(output, 1),
        "all_factors_mb": round(options.count * sum(each.a.nbytes + each.b.nbytes for each in dict(parents[0]).values()) / 1e6, 1),
    }


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


PARTS: dict[str, Callable[[argparse.Namespace], dict]] = {"peers": peers, "growth": growth, "hundred": hundred, "memory": memory}

if __name__ == "__main__":
    main()
