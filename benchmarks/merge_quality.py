"""What do merging and ensembling keep of three domains' gains? Base, adapters, joint training, every merge method, searched weights, ensembles.

    python benchmarks/merge_quality.py --shared ../shared [--rows base,linear,...]
    python benchmarks/merge_quality.py --report

The three adapters and the data that they were trained on are those of train_quality.py (seed 0); joint training is one run on the union of
the three sets, one pass. Methods run at their defaults with equal weights; searched weights come from `adapt merge --search` on the bounded dev sets.
To fit two cores each test set is bounded: a seeded draw of queries, their positives and a seeded draw of other passages (`SIZES`), and 500 pairs of STS-B, so that
scores are comparable with one another and not with whole-corpus ones. Each row is scored on dev and on test and kept by itself (cells.py).
A method is chosen by the dev figures alone. The adapters are made by make_adapters.py.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from adapt_embed.base.resolve import BaseOptions
from adapt_embed.bench.run.cells import Caches
from adapt_embed.bench.run.models import open_models
from adapt_embed.bench.run.scoring import bench
from adapt_embed.bench.sources import make_tasks
from adapt_embed.cache import open_cache_files
from adapt_embed.cache.vectors import VectorStore
from adapt_embed.data.beir import BeirFolder
from adapt_embed.data.pairs import draw_passages, draw_queries
from adapt_embed.merge import METHODS
from adapt_embed.references import EncoderSettings, LoadedBases, Search, resolve_references
from adapt_embed.registry import open_registry
from cells import Cells, make_parser
from make_adapters import DOMAINS, made_adapter
from train_quality import SETS, drawn, mean

CELLS = Cells("merge_quality")
RUNS = CELLS.runs
SIZES = {"ecommerce": (250, 600), "legal": (200, 600), "medical": (100, 200)}
"""Domain -> test queries, other passages. Dev has half as many of both."""
STS_PAIRS = 500
MODES = ("mean", "concat", "rrf", "max")
LEFT_OUT = {"slerp": "takes two adapters", "core_linear": "equals linear"}


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--rows", default=",".join(ROWS))
    options = parser.parse_args()
    if options.fold:
        CELLS.fold()
    if not (options.report or options.fold):
        for row in options.rows.split(","):
            if row not in CELLS.read():
                run_row(options, row)
    report()


def run_row(options: argparse.Namespace, row: str) -> None:
    print(row, flush=True)
    reference, facts = ROWS[row](options, row)
    searched = isinstance(facts.get("mode"), str)
    scores = {split: score(options, reference, split, searched) for split in ("test", "dev")}
    CELLS.write(row, facts | scores)


def adapt(*arguments: object) -> dict:
    command = [sys.executable, "-c", "from adapt_embed.cli import main; main()", *map(str, arguments), "--json"]
    done = subprocess.run([*command, "--registry", str(RUNS / "registry")], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command[3:])} failed: {done.stdout}")
    return json.loads(done.stdout)


def base_row(_options: argparse.Namespace, _row: str) -> tuple[str, dict]:
    return "base", {}


def adapter_row(_options: argparse.Namespace, row: str) -> tuple[str, dict]:
    return made_adapter(row), {}


def joint_row(options: argparse.Namespace, row: str) -> tuple[str, dict]:
    """Train once on the union of the three sets, with the settings of the single adapters but one pass."""
    found = open_registry(RUNS / "registry")
    if row not in {entry.name for entry in found.entries()}:
        folder = options.shared / "bases" / SETS["legal"].base
        sets = [part for setting in ("epochs=1", "max_tokens=256") for part in ("--set", setting)]
        data = ["--domain", "legal", "--data", union_folder(options), "--base", folder, "--base-as", SETS["legal"].base_as]
        adapt("train", "--name", row, *data, *sets, "--resume")
    return str(found.folder(found.find(row))), {}


def union_folder(options: argparse.Namespace) -> Path:
    """Write the union of the three drawn training sets once, ids prefixed with their domain."""
    union = RUNS / "joint"
    if (union / "qrels" / "dev.tsv").exists():
        return union
    (union / "qrels").mkdir(parents=True, exist_ok=True)
    for file in ("corpus.jsonl", "queries.jsonl"):
        with (union / file).open("w", encoding="utf-8") as out:
            for domain in DOMAINS:
                for line in (drawn(options, SETS[domain]) / file).open(encoding="utf-8"):
                    row = json.loads(line)
                    out.write(json.dumps(row | {"_id": f"{domain}-{row['_id']}"}, ensure_ascii=False) + "\n")
    for split in ("train", "dev"):
        lines = ["query-id\tcorpus-id\tscore"]
        for domain in DOMAINS:
            judged = (drawn(options, SETS[domain]) / "qrels" / f"{split}.tsv").read_text(encoding="utf-8").splitlines()[1:]
            lines += [f"{domain}-{qid}\t{domain}-{pid}\t{grade}" for qid, pid, grade in (line.split("\t") for line in judged)]
        (union / "qrels" / f"{split}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return union


def method_row(_options: argparse.Namespace, row: str) -> tuple[str, dict]:
    result = adapt("merge", *map(made_adapter, DOMAINS), "--method", row, "--name", row.replace("_", "-"))
    return result["path"], {"rank": result["rank"], "energy": result["energy"]}


def sum_row(_options: argparse.Namespace, row: str) -> tuple[str, dict]:
    result = adapt("merge", *map(made_adapter, DOMAINS), "--method", "linear", "--weights", "1,1,1", "--name", row)
    return result["path"], {"rank": result["rank"], "energy": result["energy"]}


def search_row(options: argparse.Namespace, row: str) -> tuple[str, dict]:
    """Search weights on the bounded dev sets, general ability held by the dev pairs of STS-B."""
    method = row.removeprefix("searched-")
    sources = ",".join(str(bounded(options, domain, "dev")) for domain in DOMAINS)
    general = ["--general", options.shared / "data" / "general-stsb", "--max-tokens", 128]
    searching = ["--search", sources, *general, "--evaluations", 12, "--curve-steps", 0]
    result = adapt("merge", *map(made_adapter, DOMAINS), "--method", method, *searching, "--name", row)
    return result["path"], {"rank": result["rank"], "energy": result["energy"], "search": result["search"]}


def ensemble_row(_options: argparse.Namespace, row: str) -> tuple[str, dict]:
    mode = row.removeprefix("ensemble-")
    result = adapt("ensemble", *map(made_adapter, DOMAINS), "--mode", mode, "--name", row)
    return result["reference"], {"mode": mode}


def score(options: argparse.Namespace, reference: str, split: str, ranks_alone: bool) -> dict:
    """Score one reference on the bounded sets and on STS-B, in the precision that the machine is fast in."""
    base = BaseOptions(settings_of=SETS["legal"].base_as)
    search = Search(registry=open_registry(RUNS / "registry"), base=str(options.shared / "bases" / SETS["legal"].base), options=base)
    models = open_models(resolve_references([reference], search), LoadedBases(EncoderSettings(max_tokens=256)))
    model = replace(next(each for each in models if (each.base is None) == (reference == "base")), base=None)
    folders = [bounded(options, domain, split) for domain in DOMAINS]
    caches = Caches(vectors=VectorStore(open_cache_files()))  # an ensemble encodes nothing that its members have
    found = bench([model], make_tasks(folders, (), split=split, language="en"), caches=caches)
    result: dict = {domain: single.items for domain, single in zip(DOMAINS, found.scores, strict=True)}
    if ranks_alone and reference.startswith(("ensemble-rrf", "ensemble-max")):
        return result | {"sts": None}
    general = bench([model], make_tasks([general_pairs(options, split)], (), split=split, language="en"), caches=caches)
    return result | {"sts": general.scores[0].metrics["Spearman"]}


def bounded(options: argparse.Namespace, domain: str, split: str) -> Path:
    """Write a bounded BEIR folder of one split, once."""
    folder, source = RUNS / "data" / f"{domain}-{split}", BeirFolder(options.shared / "data" / SETS[domain].data)
    if (folder / "qrels" / f"{split}.tsv").exists():
        return folder
    queries, others = (count if split == "test" else count // 2 for count in SIZES[domain])
    corpus = source.corpus()
    pairs = draw_queries(source.pairs(split, corpus), queries, 0)
    passages = draw_passages(pairs, corpus, others, 0)
    (folder / "qrels").mkdir(parents=True, exist_ok=True)
    write_lines(folder / "corpus.jsonl", ({"_id": pid, "title": "", "text": text} for pid, text in passages.items()))
    write_lines(folder / "queries.jsonl", ({"_id": qid, "text": text} for qid, text in pairs.queries.items()))
    judged = [f"{qid}\t{pid}\t{grade}" for qid, found in pairs.positives.items() for pid, grade in found.items()]
    (folder / "qrels" / f"{split}.tsv").write_text("\n".join(["query-id\tcorpus-id\tscore", *judged]) + "\n", encoding="utf-8")
    return folder


def general_pairs(options: argparse.Namespace, split: str) -> Path:
    """Write a seeded draw of STS-B's pairs, once."""
    folder, source = RUNS / "data" / "general-stsb", options.shared / "data" / "general-stsb" / f"en-{split}.tsv"
    if not (folder / source.name).exists():
        heading, *lines = source.read_text(encoding="utf-8").splitlines()
        rows = sorted(np.random.default_rng(0).choice(len(lines), STS_PAIRS, replace=False))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / source.name).write_text("\n".join([heading, *(lines[row] for row in rows)]) + "\n", encoding="utf-8")
    return folder


def write_lines(path: Path, rows: object) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")  # type: ignore[attr-defined]


def report() -> None:
    """Print the table: test nDCG@10, the share of each adapter's gain kept with its interval, STS, and the dev figures to choose by."""
    found = CELLS.read()
    rows = {row: found[row] for row in ROWS if row in found}
    if not set(DOMAINS) | {"base"} <= rows.keys():
        print(f"done: {', '.join(rows) or 'nothing'}; the base and the three adapters are needed for the table")
        return
    print("| row | " + " | ".join(f"{domain} | kept" for domain in DOMAINS) + " | STS | dev: mean nDCG@10 | dev: STS |")
    print("|---" * (2 * len(DOMAINS) + 4) + "|")
    for row, found in rows.items():
        cells = [cell for domain in DOMAINS for cell in (f"{mean(found['test'][domain]):.4f}", kept(rows, row, domain))]
        dev = sum(mean(found["dev"][domain]) for domain in DOMAINS) / len(DOMAINS)
        print(f"| {row} | {' | '.join(cells)} | {number(found['test']['sts'])} | {dev:.4f} | {number(found['dev']['sts'])} |")


def kept(rows: dict, row: str, domain: str, resamples: int = 10_000) -> str:
    """Return the share of a domain adapter's gain that a row keeps, with its 95 % interval (paired bootstrap over queries, seed 0).

    Where the adapter's own gain does not exclude 0, the difference to the base instead.
    """
    ours, base, parent = (
        np.array([rows[name]["test"][domain][qid] for qid in sorted(rows["base"]["test"][domain])]) for name in (row, "base", domain)
    )
    drawn = np.random.default_rng(0).integers(len(base), size=(resamples, len(base)))
    gains, own = (parent - base)[drawn].mean(axis=1), (ours - base)[drawn].mean(axis=1)
    low, high = np.percentile(gains, [2.5, 97.5])
    if low <= 0 <= high:
        return f"{(ours - base).mean():+.4f}"
    least, most = np.percentile(own / gains, [2.5, 97.5])
    return f"{(ours - base).mean() / (parent - base).mean():.0%} [{least:.0%}, {most:.0%}]"


def number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


Row = Callable[[argparse.Namespace, str], tuple[str, dict]]
ROWS: dict[str, Row] = {
    "base": base_row,
    **dict.fromkeys(DOMAINS, adapter_row),
    "joint": joint_row,
    **{name: method_row for name in METHODS if name not in LEFT_OUT},
    "sum": sum_row,
    "searched-linear": search_row,
    **{f"ensemble-{mode}": ensemble_row for mode in MODES},
}

if __name__ == "__main__":
    main()
