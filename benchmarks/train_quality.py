"""Does training gain, and is it no worse than sentence-transformers with peft? Base, adapt and the peer on the same pairs and epochs.

    python benchmarks/train_quality.py --shared ../shared [--sets legal,ecommerce,medical,zh] [--arms adapt,merged,corrected,corpus-32,peer] [--seeds 0,1,2] [--peer-seeds 0]

Each cell (a set, an arm, a seed) is trained, scored and kept by itself (cells.py), so that a run that was stopped goes on where it was, and
several can run at once. `--report` prints the table from the cells that are there.
The arm `corrected` is adapt with the correction for passages that many queries name, `corpus-32` adapt with 32 passages of the corpus a
batch as further negatives. `merged` is the merge of adapt's first three seeds, by `adapt merge` as it is; they are trained where they are
missing. The English adapters of adapt and seed 0 have their Gram matrices, for merge_quality.py (make_adapters.py).
Training runs on the best device here. Scores come from the bench: all test queries, 512 tokens, fp32. Intervals: paired bootstrap over queries of the mean over seeds.
"""

import argparse
import json
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from cells import Cells, make_parser

CELLS = Cells("train_quality")
RUNS = CELLS.runs
TRAIN_QUERIES, DEV_QUERIES = 2000, 200
SETTINGS = {"epochs": 3, "batch_size": 32, "learning_rate": 5e-4, "max_tokens": 256}
MERGED_SEEDS = (0, 1, 2)
ARMS: dict[str, dict[str, object]] = {
    "adapt": {},
    "corrected": {"frequency_correction": 1},
    "corpus-32": {"corpus_negatives": 32},
}
OURS = (*ARMS, "merged")


@dataclass(frozen=True)
class Set:
    """A development set: its folder, its domain, its base and, where there is one, the split of unseen positives."""

    data: str
    domain: str
    base: str = "bge-small-en-v1.5"
    base_as: str = "bge-small-en"
    lang: str = "en"
    split: str = "test"


SETS = {
    "ecommerce": Set("ecommerce-hetpqa", "ecommerce"),
    "legal": Set("legal-conditionalqa", "legal"),
    "medical": Set("medical-medquad", "medical"),
    "zh": Set("legal-zh-stard", "legal", "bge-small-zh-v1.5-int8", "bge-small-zh", "zh", "test_unseen"),
}


def main() -> None:
    options = parse()
    if options.fold:
        CELLS.fold()
    if options.report or options.fold:
        return report(options)
    for name in options.sets.split(","):
        seeds = dict.fromkeys(ARMS, options.seeds) | {"peer": options.peer_seeds, "merged": "0", "base": "0"}
        for arm in dict.fromkeys([*options.arms.split(","), "base"]):
            for seed in map(int, seeds[arm].split(",")):
                run_cell(options, name, arm, seed)
    return report(options)


def parse() -> argparse.Namespace:
    parser = make_parser(__doc__)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--arms", default="adapt,peer")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--peer-seeds", default="0")
    return parser.parse_args()


def run_cell(options: argparse.Namespace, name: str, arm: str, seed: int) -> None:
    from adapt_embed.encoders.forward import choose_device

    cell, chosen = f"{name}-{arm}-{seed}", SETS[name]
    if cell in CELLS.read():
        return
    print(cell, flush=True)
    started = time.monotonic()
    facts: dict = {}
    reference = "base"
    if arm != "base":
        folder = RUNS / cell
        if arm == "peer":
            facts = train_peer(options, chosen, folder, seed)
        elif arm == "merged":
            facts = merge_seeds(options, name, folder)
        else:
            facts = train_adapt(options, chosen, arm, folder, seed)
        reference = facts.pop("reference")
    facts = {"train_s": round(time.monotonic() - started, 1), "device": choose_device().type} | facts
    facts |= score(options, chosen, reference)
    CELLS.write(cell, facts)


def adapt(*arguments: object, first: str = "") -> dict:
    """Run a command, in a process that executes `first` before, and return what it prints as JSON."""
    command = [sys.executable, "-c", f"{first}from adapt_embed.cli import main; main()", *map(str, arguments), "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command[3:])} failed: {done.stdout}")
    return json.loads(done.stdout)


def base_arguments(options: argparse.Namespace, chosen: Set) -> list[object]:
    return ["--base", options.shared / "bases" / chosen.base, "--base-as", chosen.base_as]


def train_adapt(options: argparse.Namespace, chosen: Set, arm: str, home: Path, seed: int) -> dict:
    is_merged_later = arm == "adapt" and seed == 0 and chosen.lang == "en"
    sets = [part for key, value in (SETTINGS | ARMS[arm]).items() for part in ("--set", f"{key}={value}")]
    result = adapt(
        "train",
        "--domain",
        chosen.domain,
        "--data",
        drawn(options, chosen),
        *base_arguments(options, chosen),
        *sets,
        "--seed",
        seed,
        "--registry",
        home,
        "--resume",
        *(("--gram-rank", 64) if is_merged_later else ()),
    )
    return {"reference": result["path"], "dev": result["dev"], "bytes": result["bytes"], "steps": result["steps"]}


def version_folder(name: str, seed: int) -> Path:
    """Return where the arm `adapt` leaves its adapter of a set and a seed."""
    return RUNS / f"{name}-adapt-{seed}" / SETS[name].domain / "1"


def merge_seeds(options: argparse.Namespace, name: str, home: Path) -> dict:
    chosen = SETS[name]
    versions = {seed: version_folder(name, seed) for seed in MERGED_SEEDS}
    for seed, version in versions.items():
        if not version.exists():
            train_adapt(options, chosen, "adapt", version.parent.parent, seed)
    result = adapt("merge", *versions.values(), "--method", "linear", *base_arguments(options, chosen), "--registry", home, "--name", name)
    return {"reference": result["path"], "bytes": result["bytes"], "rank": result["rank"], "train_s": None}


def train_peer(options: argparse.Namespace, chosen: Set, folder: Path, seed: int) -> dict:
    if not (folder / "adapter_model.safetensors").exists():
        from adapt_embed.data.beir import BeirFolder
        from peer_sentence_transformers import train

        source = BeirFolder(drawn(options, chosen))
        corpus = source.corpus()
        train(options.shared / "bases" / chosen.base, chosen.base_as, corpus, source.pairs("train", corpus), folder, seed, SETTINGS)
    return {"reference": str(folder)}


def drawn(options: argparse.Namespace, chosen: Set) -> Path:
    """Draw the training queries once (seed 0), so that every arm and seed sees the same ones; there is no test split in this folder."""
    from adapt_embed.data.beir import BeirFolder
    from adapt_embed.data.pairs import draw_queries

    source, folder = BeirFolder(options.shared / "data" / chosen.data), RUNS / "data" / chosen.data
    if not (folder / "qrels" / "dev.tsv").exists():
        corpus = source.corpus()
        (folder / "qrels").mkdir(parents=True, exist_ok=True)
        for file in ("corpus.jsonl", "queries.jsonl"):
            (folder / file).write_bytes((source.path / file).read_bytes())
        for split, count in (("train", TRAIN_QUERIES), ("dev", DEV_QUERIES)):
            pairs = draw_queries(source.pairs(split, corpus), count, 0)
            rows = [f"{qid}\t{pid}\t{grade}" for qid, passages in pairs.positives.items() for pid, grade in passages.items()]
            (folder / "qrels" / f"{split}.tsv").write_text("\n".join(["query-id\tcorpus-id\tscore", *rows]) + "\n", encoding="utf-8")
    return folder


def score(options: argparse.Namespace, chosen: Set, reference: str) -> dict:
    """Score one reference by the bench alone, without its base beside it, which has a cell of its own."""
    from adapt_embed.base.resolve import BaseOptions
    from adapt_embed.bench.run.models import open_models
    from adapt_embed.bench.run.scoring import bench
    from adapt_embed.bench.sources import make_tasks
    from adapt_embed.references import EncoderSettings, LoadedBases, Search, resolve_references
    from adapt_embed.registry import open_registry

    base = BaseOptions(settings_of=chosen.base_as, language=chosen.lang)
    search = Search(registry=open_registry(RUNS), base=str(options.shared / "bases" / chosen.base), options=base)
    models = open_models(resolve_references([reference], search), LoadedBases(EncoderSettings(precision="fp32")))
    data = options.shared / "data"
    domain, general = (
        bench([replace(models[-1], base=None)], make_tasks([folder], (), split=split, language=chosen.lang))
        for folder, split in ((data / chosen.data, chosen.split), (data / "general-stsb", "test"))
    )
    per_query = {qid: round(value, 6) for qid, value in domain.scores[0].items.items()}
    return {"bench": domain.as_dict(), "sts": general.as_dict(), "per_query": per_query}


def report(options: argparse.Namespace) -> None:
    every = CELLS.read()
    for name in options.sets.split(","):
        cells = {key: cell for key, cell in every.items() if key.startswith(f"{name}-")}
        base = cells.get(f"{name}-base-0")
        if base is None:
            continue
        print(
            f"{name} ({SETS[name].data}, {SETS[name].split}): base nDCG@10 {mean(queries(base)):.4f}, STSBenchmark (local) {sts(base):.4f}"
        )
        means = {}
        for arm in (*OURS, "peer"):
            runs = [cell for key, cell in cells.items() if key.startswith(f"{name}-{arm}-")]
            if not runs:
                continue
            means[arm] = average([queries(run) for run in runs])
            general = sum(sts(run) for run in runs) / len(runs) - sts(base)
            minutes = [run["train_s"] / 60 for run in runs if run["train_s"] is not None]
            timed = f"; {median(minutes):.1f} min of training" if minutes else ""
            spread = ", ".join(f"{mean(queries(run)):.4f}" for run in runs)
            print(f"  {arm}: {mean(means[arm]):.4f} ({spread}); gain {difference(means[arm], queries(base))}; STS {general:+.4f}{timed}")
        for arm in (arm for arm in OURS if {arm, "peer"} <= means.keys()):
            print(f"  {arm} - peer: {difference(means[arm], means['peer'])}")


def queries(cell: dict) -> dict[str, float]:
    """Return each query's nDCG@10."""
    return dict(cell["per_query"])


def sts(cell: dict) -> float:
    return float(cell["sts"]["scores"][-1]["metrics"]["Spearman"])


def mean(values: dict[str, float]) -> float:
    return sum(values.values()) / len(values)


def average(runs: list[dict[str, float]]) -> dict[str, float]:
    """Average each query over the seeds."""
    return {qid: sum(run[qid] for run in runs) / len(runs) for qid in runs[0]}


def difference(ours: dict[str, float], theirs: dict[str, float]) -> str:
    """Print the mean difference and its 95 % interval."""
    low, high = interval(ours, theirs)
    return f"{mean(ours) - mean(theirs):+.4f} [{low:+.4f}, {high:+.4f}]"


def interval(ours: dict[str, float], theirs: dict[str, float], resamples: int = 10_000) -> tuple[float, float]:
    """Return the 95 % interval of the mean difference: paired bootstrap over queries, seed 0."""
    import numpy as np

    difference = np.array([ours[qid] - theirs[qid] for qid in sorted(ours)])
    rows = np.random.default_rng(0).integers(len(difference), size=(resamples, len(difference)))
    low, high = np.percentile(difference[rows].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


if __name__ == "__main__":
    main()
