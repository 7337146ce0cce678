"""Do mined negatives and augmented queries help an adapter? One training per set, arm and seed, scored on dev.

    python benchmarks/data_tools.py --shared ../shared [--sets ecommerce] [--arms plain,mined,synonyms,words,typing-errors,inverse-cloze] [--seeds 0,1]

1,000 training queries (drawn with seed 0), two-sided training as it is by default (3 epochs, batch 32, rate 5e-4, 256 tokens, the machine's precision); what an arm
adds is drawn with the training's seed. `mined`: five hard negatives a query, found by the base, 95 % of the positive's score; `mined-random`: drawn among the first
50. `synonyms`: by benchmarks/glossaries/products.csv, which was written for this and not from the data. `words`: random insertion, deletion and swap, one copy each.
`typing-errors` and `inverse-cloze`: one new query for each that there is. The last state is scored: nDCG@10 of all dev queries over the dev positives and 2,000
other passages. Test splits are never read.
Cells are kept one by one (cells.py), so that a run that was stopped goes on where it was. `--report` prints the table: the difference to `plain`, with its 95 %
interval (paired bootstrap over queries of the mean over seeds).
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace

import torch
from adapt_embed.adapters.config import config_from
from adapt_embed.adapters.evaluation import dev_encoder
from adapt_embed.adapters.train import train_adapter
from adapt_embed.data.glossary import read_glossary
from adapt_embed.data.pairs import TrainingData, draw_queries
from adapt_embed.datatools.augmenting import AugmentSettings, augment
from adapt_embed.datatools.mining.settings import MineSettings
from adapt_embed.datatools.mining.tool import mine
from adapt_embed.references import Search
from adapt_embed.registry import open_registry
from cells import HERE, Cells, make_parser
from query_side import Opened, open_set, score
from train_quality import SETS, average, difference, mean

CELLS = Cells("data_tools")
TRAIN_QUERIES = 1000
GLOSSARY = HERE / "glossaries" / "products.csv"
Make = Callable[[argparse.Namespace, Opened, str, int], TrainingData]


def plain(_: argparse.Namespace, data: Opened, _set: str, _seed: int) -> TrainingData:
    return data.train


def mined(**settings: object) -> Make:
    def make(options: argparse.Namespace, data: Opened, name: str, seed: int) -> TrainingData:
        base = str(options.shared / "bases" / SETS[name].base)
        where = Search(registry=open_registry(CELLS.runs / "registry"), base=base)
        return mine(data.train, MineSettings(where=where, seed=seed, **settings)).data  # type: ignore[arg-type]

    return make


def augmented(*methods: str, **settings: object) -> Make:
    def make(_: argparse.Namespace, data: Opened, _set: str, seed: int) -> TrainingData:
        glossary = {"glossary": read_glossary(GLOSSARY)} if "synonyms" in methods else {}
        return augment(data.train, AugmentSettings(methods=methods, seed=seed, **glossary, **settings)).data  # type: ignore[arg-type]

    return make


ARMS: dict[str, Make] = {
    "plain": plain,
    "mined": mined(),
    "mined-random": mined(sampling="random", range_max=50),
    "synonyms": augmented("synonyms"),
    "words": augmented("insertion", "deletion", "swap"),
    "typing-errors": augmented("typing-errors"),
    "inverse-cloze": augmented("inverse-cloze", rows=TRAIN_QUERIES),
}


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--sets", default="ecommerce")
    parser.add_argument("--arms", default=",".join(ARMS))
    parser.add_argument("--seeds", default="0,1")
    options = parser.parse_args()
    if options.fold:
        CELLS.fold()
    if not (options.report or options.fold):
        for seed in map(int, options.seeds.split(",")):
            for arm in options.arms.split(","):
                for name in options.sets.split(","):
                    run_cell(options, name, arm, seed)
    report(options)


def run_cell(options: argparse.Namespace, name: str, arm: str, seed: int) -> None:
    key = f"{name}-{arm}-{seed}"
    if key in CELLS.read():
        return
    print(key, flush=True)
    opened = open_set(options, name)
    train = replace(opened.train, train=draw_queries(opened.train.train, TRAIN_QUERIES, 0))
    opened = replace(opened, train=train)
    config = config_from({"seed": seed})
    data = ARMS[arm](options, opened, name, seed)
    started = time.monotonic()
    result = train_adapter(opened.base, data, config)
    encoder = replace(dev_encoder(opened.base, config), factors=result.factors)
    facts = {
        "precision": encoder.computes_in,
        "threads": torch.get_num_threads(),
        "train_queries": len(data.train),
        "pairs": data.train.pair_count,
        "negatives": sum(map(len, data.train.negatives.values())),
        "train_s": round(time.monotonic() - started, 1),
    }
    CELLS.write(key, facts | score(opened, encoder))


def report(options: argparse.Namespace) -> None:
    every = CELLS.read()
    for name in options.sets.split(","):
        cells = {
            arm: {key.rsplit("-", 1)[1]: cell for key, cell in every.items() if key.rsplit("-", 1)[0] == f"{name}-{arm}"} for arm in ARMS
        }
        if not cells["plain"]:
            continue
        print(f"{name} ({SETS[name].data}), {TRAIN_QUERIES} training queries")
        for arm, runs in cells.items():
            if runs:
                print(f"  {arm}: {describe(runs, cells['plain'])}")


def describe(runs: dict[str, dict], plain_runs: dict[str, dict]) -> str:
    shared = sorted(runs.keys() & plain_runs.keys())
    ours, theirs = (average([each[seed]["per_query"] for seed in shared]) for each in (runs, plain_runs))
    one = next(iter(runs.values()))
    counts = f"{one['train_queries']} queries, {one['negatives']} negatives, {one['train_s'] / 60:.1f} min"
    sts = sum(run["sts"] for run in runs.values()) / len(runs)
    against = "" if runs is plain_runs else f"; against plain {difference(ours, theirs)}"
    return f"{mean(ours):.4f} (seeds {', '.join(shared)}{against}); STS {sts:.4f}; {counts}"


if __name__ == "__main__":
    main()
