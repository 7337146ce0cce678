"""Which settings of training are better on dev? One cell per set, choice and seed; `default` is what the others are held against.

    python benchmarks/train_choices.py --shared ../shared --sets ecommerce,legal,zh --choices default,symmetric --seeds 0,1 [--epochs 2]

2,000 training queries (seed 0); nDCG@10 of all dev queries over the dev positives and 2,000 other passages, at the tokens of training, fp32, of the last state.
Cells are kept in benchmarks/results/train_choices/, so that a run that was stopped goes on where it was. `--report` prints what is there:
the difference to `default`, seed by seed, with its 95 % interval (paired bootstrap over queries of the mean over seeds). Test splits are never read.
"""

import argparse
import json
import os
import time
from pathlib import Path

from train_quality import SETS, TRAIN_QUERIES, average, interval, mean

RESULTS = Path(__file__).parent / "results" / "train_choices"
CHOICES: dict[str, dict[str, object]] = {
    "default": {},
    "lora-dropout": {"dropout": 0.05},
    "symmetric": {"loss": "symmetric_infonce"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path(os.environ.get("ADAPT_SHARED", "../shared")))
    parser.add_argument("--sets", default="ecommerce,legal,zh")
    parser.add_argument("--choices", default=",".join(CHOICES))
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--report", action="store_true")
    options = parser.parse_args()
    if not options.report:
        for seed in map(int, options.seeds.split(",")):
            for choice in options.choices.split(","):
                for name in options.sets.split(","):
                    run_cell(options, name, choice, seed)
    report(options)


def cell_path(name: str, choice: str, seed: int, epochs: int) -> Path:
    return RESULTS / f"{name}-{choice}-{seed}-{epochs}.json"


def run_cell(options: argparse.Namespace, name: str, choice: str, seed: int) -> None:
    from adapt_embed.adapters.config import config_from
    from adapt_embed.adapters.dev import MAX_DISTRACTORS, dev_encoder
    from adapt_embed.adapters.train import train_adapter
    from adapt_embed.base.load import load_base
    from adapt_embed.base.resolve import BaseOptions, resolve_base
    from adapt_embed.data.beir import BeirFolder
    from adapt_embed.data.retrieval import TrainingData, draw_passages, draw_queries
    from adapt_embed.metrics import ndcg_at_10

    path, chosen = cell_path(name, choice, seed, options.epochs), SETS[name]
    if path.exists():
        return
    print(path.stem, flush=True)
    source = BeirFolder(options.shared / "data" / chosen.data)
    corpus = source.corpus()
    train, dev = draw_queries(source.pairs("train", corpus), TRAIN_QUERIES, 0), source.pairs("dev", corpus)
    passages = draw_passages(dev, corpus, MAX_DISTRACTORS, 0)
    base = load_base(resolve_base(str(options.shared / "bases" / chosen.base), options=BaseOptions(lend_from=chosen.base_as)))
    config = config_from({"epochs": options.epochs, "precision": "fp32", "seed": seed} | CHOICES[choice])
    started = time.monotonic()
    result = train_adapter(base, TrainingData(corpus=corpus, train=train, dev=None, source=chosen.data), config)
    seconds, encoder = time.monotonic() - started, dev_encoder(base, config)
    per_query = ndcg_at_10(
        encoder.encode(list(dev.queries.values()), "query"),
        encoder.encode(list(passages.values()), "document"),
        list(dev.queries),
        list(passages),
        dev.positives,
    )
    cell = {
        "settings": CHOICES[choice],
        "losses": [round(loss, 5) for loss in result.losses],
        "train_s": round(seconds, 1),
        "per_query": {qid: round(value, 6) for qid, value in per_query.items()},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(cell, indent=1) + "\n", encoding="utf-8")


def report(options: argparse.Namespace) -> None:
    for name in options.sets.split(","):
        cells = {choice: read_cells(name, choice, options.epochs) for choice in CHOICES}
        for choice, runs in cells.items():
            shared = sorted(runs.keys() & cells["default"].keys())
            if not shared:
                continue
            ours, theirs = (average([group[seed]["per_query"] for seed in shared]) for group in (runs, cells["default"]))
            low, high = interval(ours, theirs)
            each = ", ".join(f"{mean(runs[seed]['per_query']):.4f}" for seed in shared)
            minutes = sum(runs[seed]["train_s"] for seed in shared) / len(shared) / 60
            print(
                f"{name} {choice} (seeds {','.join(map(str, shared))}): {mean(ours):.4f}, {mean(ours) - mean(theirs):+.4f} [{low:+.4f}, {high:+.4f}]; {minutes:.1f} min; each {each}"
            )


def read_cells(name: str, choice: str, epochs: int) -> dict[int, dict]:
    paths = {int(path.stem.split("-")[-2]): path for path in RESULTS.glob(f"{name}-{choice}-[0-9]*-{epochs}.json")}
    return {seed: json.loads(path.read_text(encoding="utf-8")) for seed, path in paths.items()}


if __name__ == "__main__":
    main()
