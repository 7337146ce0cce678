"""Make the adapters that ship: train, score on test, and write them with their cards and the index into the package.

    python benchmarks/make_shipped.py --shared ../shared [--sets ecommerce,legal,medical] [--only train|score|write|check]

Without `--only` all four are done in this order. Trained versions lie in `runs/make_shipped/`, and a training that was stopped goes on where
it was; what was scored is a cell (cells.py), and is not scored again. `check` scores what the package holds on dev and compares it with what
its entry says: the exit code is 1 where one is further from it than `make_adapters.TOLERANCE`. All in all about an hour of a core.
"""

import argparse
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from cells import HERE, PROJECT, Cells, make_shared_parser
from make_adapters import score_fault
from train_quality import adapt

CELLS = Cells("make_shipped")
BASE = "bge-small-en-v1.5"
GENERAL = "general-stsb"
SETTINGS = HERE / "shipped" / "settings.toml"
PACKAGE = PROJECT / "adapters" / "builtin"
NO_TOKENIZER = shutil.ignore_patterns("tokenizer*", "special_tokens_map.json", "vocab.*", "adapt.json")


@dataclass(frozen=True)
class Shipped:
    """One that ships: the folder of its data, what those are and their licence, how much of them is used (None: all), and its number.

    `steps` is where training ends early, in the middle of the schedule. `sample` is how many test queries, and how many passages beside those
    that answer them, the score on test is of. `unseen` is the split of the test queries that no passage answers which answers a training query
    too.
    """

    data: str
    origin: str
    licence: str
    notes: tuple[str, ...]
    train_queries: int | None = None
    steps: int | None = None
    sample: tuple[int, int] | None = None
    unseen: str | None = None
    version: int = 1


SETS = {
    "ecommerce": Shipped(
        "ecommerce-hetpqa",
        "hetPQA, https://github.com/amazon-science/contextual-product-qa at cec976c",
        "cdla-sharing-1.0",
        ("real shopper questions without the product's title: many are ambiguous, and no score comes near 1",),
        unseen="test_unseen",
    ),
    "legal": Shipped(
        "legal-conditionalqa",
        "ConditionalQA v1.0, https://github.com/haitian-sun/ConditionalQA at 77bd295",
        "bsd-2-clause and ogl-uk-3.0",
        ("guidance of gov.uk; the data's authors ask that they be used for research on language alone, and for no legal purposes",),
    ),
    "medical": Shipped(
        "medical-medquad",
        "MedQuAD, https://github.com/abachaa/MedQuAD at 577bd37",
        "cc-by-4.0",
        (
            "questions made from templates: real questions of patients are worded otherwise; no medical advice",
            "2,000 of 6,580 training queries (--train-queries 2000), and two of the three epochs of the schedule",
            "the test sample is 200 queries over their answers and 500 other passages, and so easier than the whole corpus",
        ),
        train_queries=2000,
        steps=126,
        sample=(200, 500),
    ),
}


HOW_TO_USE = """## How to use it

It ships with adapt: `adapt encode {name} texts.txt` on the command line, `load("{reference}")` in Python. The base is not contained: it is
downloaded when it is first needed, or lies in a folder that `ADAPT_BASES` names. No tokenizer lies here either, it is the base's: for
sentence-transformers, write a model with `adapt export {name} --merged DIR`.

"""


def main() -> None:
    parser = make_shared_parser(__doc__)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--only", choices=STEPS)
    options = parser.parse_args()
    os.environ["ADAPT_SHIPPED"] = "0"  # what is trained is numbered as if nothing shipped yet
    steps = [STEPS[options.only]] if options.only else STEPS.values()
    faults = [fault for step in steps for name in options.sets.split(",") if (fault := step(options, name))]
    sys.exit("\n".join(faults) or None)


STOP = "from adapt_embed.adapters.loop import Run; Run._is_spent = lambda run: run.state.step >= {steps}\n"
"""What is executed before a training that ends early: three epochs over long passages take an hour of a core, and dev had risen by then from
0.8221 to 0.9174, where three epochs ended too (train_quality.py's seeds on the same split: 0.9174, 0.9172, 0.9121; docs/log/2026-11.md)."""


def train(options: argparse.Namespace, name: str) -> None:
    """Train an adapter unless it is there."""
    if trained_folder(name).exists():
        return
    print(f"{name}: training", flush=True)
    shipped = SETS[name]
    sample = ("--train-queries", shipped.train_queries) if shipped.train_queries else ()
    data, base = options.shared / "data" / shipped.data, options.shared / "bases" / BASE
    adapt(
        *("train", "--domain", name, "--data", data, *sample, "--base", base, "--config", SETTINGS),
        *("--seed", 0, "--registry", home(name), "--resume"),
        first=STOP.format(steps=shipped.steps) if shipped.steps else "",
    )


def score(options: argparse.Namespace, name: str) -> None:
    """Score an adapter beside its base on the test split and on STSBenchmark unless that is done."""
    data = options.shared / "data"
    cells = {name: ("--general-data", data / GENERAL)} | ({f"{name}-unseen": ("--split", split)} if (split := SETS[name].unseen) else {})
    for cell, more in cells.items():
        if cell in CELLS.read():
            continue
        print(f"{cell}: scoring", flush=True)
        found = adapt(
            *("bench", f"{name}@1", "--data", test_data(options, name), *more),
            *("--base", options.shared / "bases" / BASE, "--registry", home(name)),
        )
        CELLS.write(cell, json.loads(json.dumps(found).replace(f"{data.resolve()}/", "").replace(f"{data}/", "")))


def test_data(options: argparse.Namespace, name: str) -> Path:
    """Return the folder of the test split: the set's own, or a sample of it (seed 0) in a folder whose name says so."""
    from adapt_embed.data.beir import BeirFolder
    from adapt_embed.data.pairs import draw_passages, draw_queries

    whole, sample = options.shared / "data" / SETS[name].data, SETS[name].sample
    if sample is None:
        return whole
    source, folder = BeirFolder(whole), home(name) / f"{SETS[name].data}-sample"
    corpus = source.corpus()
    pairs = draw_queries(source.pairs("test", corpus), sample[0], 0)
    passages = draw_passages(pairs, corpus, sample[1], 0)
    (folder / "qrels").mkdir(parents=True, exist_ok=True)
    write_lines(folder / "corpus.jsonl", ({"_id": key, "title": "", "text": text} for key, text in passages.items()))
    write_lines(folder / "queries.jsonl", ({"_id": key, "text": text} for key, text in pairs.queries.items()))
    rows = [f"{query}\t{passage}\t{grade}" for query, of_query in pairs.positives.items() for passage, grade in of_query.items()]
    (folder / "qrels" / "test.tsv").write_text("\n".join(["query-id\tcorpus-id\tscore", *rows]) + "\n", encoding="utf-8")
    return folder


def write_lines(path: Path, rows: Iterable[dict]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def write(_options: argparse.Namespace, name: str) -> None:
    """Write an adapter into the package, with its scores and its card, and the index anew."""
    from adapt_embed.registry import read_entry
    from adapt_embed.registry.staging import record_files
    from adapt_embed.registry.stored import as_read, entry_file

    folder = PACKAGE / name / str(SETS[name].version)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(trained_folder(name), folder, ignore=NO_TOKENIZER)
    entry = shipped_entry(name, read_entry(trained_folder(name) / "adapt.json"))
    write_card(name, entry, folder)
    entry = replace(entry, files=record_files(folder))
    (folder / "adapt.json").write_bytes(entry_file(as_read(entry)))
    write_index()
    CELLS.fold()
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"{name}: {size / 1e6:.2f} MB: {folder.relative_to(PROJECT)}", flush=True)


def check(options: argparse.Namespace, name: str) -> str | None:
    """Score what the package holds on dev, and return how it differs from what is recorded."""
    from adapt_embed.base.resolve import BaseOptions
    from adapt_embed.data.beir import BeirFolder
    from adapt_embed.data.dev_set import draw_dev_set
    from adapt_embed.references import EncoderSettings, LoadedBases, Search, open_reference, resolve_reference
    from adapt_embed.registry import open_registry

    folder = PACKAGE / name / str(SETS[name].version)
    source = BeirFolder(options.shared / "data" / SETS[name].data)
    corpus = source.corpus()
    base = str(options.shared / "bases" / BASE)
    found = resolve_reference(f"{folder}", Search(registry=open_registry(home(name)), base=base, options=BaseOptions(max_tokens=256)))
    dev = draw_dev_set(source.pairs("dev", corpus), corpus)
    after, recorded = dev.score(open_reference(found, LoadedBases(EncoderSettings()))), found.entry.dev.after
    print(f"{name}: nDCG@10 on dev {after:.4f}, recorded {recorded:.4f}", flush=True)
    return score_fault(name, after, recorded)


def home(name: str) -> Path:
    return CELLS.runs / name


def trained_folder(name: str) -> Path:
    return home(name) / name / "1"


def shipped_entry(name: str, trained):
    """Return the entry of a version that ships: nothing of the machine that trained it, and the scores of the bench."""
    shipped, cells = SETS[name], CELLS.read()
    unseen = bench_scores(name, cells[f"{name}-unseen"]) if shipped.unseen else {}
    scores = bench_scores(name, cells[name]) | unseen
    told = tuple(
        f"{of} (those that no passage answers which answers a training query too): {score.metric} {score.before:.4f} (base), {score.after:.4f}"
        for of, score in unseen.items()
    )
    data = replace(trained.data, source=shipped.data, licence=shipped.licence, notes=(shipped.origin, *shipped.notes, *told))
    bases = tuple(replace(base, path=None) for base in trained.bases)
    return replace(trained, version=shipped.version, bases=bases, data=data, scores=trained.scores | scores)


def write_card(name: str, entry, folder: Path) -> None:
    """Write the card, with what the bench found."""
    from adapt_embed.publish.card import CardOptions, card_files

    found = json.dumps(CELLS.read()[name], ensure_ascii=False).replace(f'"{name}@1"', f'"{entry.reference}"')
    (folder / "bench.json").write_text(f"{found}\n", encoding="utf-8")
    text = card_files(entry, folder, CardOptions(licence="apache-2.0"))["README.md"]
    before, _, rest = text.partition("## How to use it\n")
    after = rest[rest.index("## Data and licences") :]
    (folder / "README.md").write_text(f"{before}{HOW_TO_USE.format(reference=entry.reference, name=name)}{after}", encoding="utf-8")


def bench_scores(name: str, cell: dict):
    """Return the scores of a bench's JSON as an entry keeps them: task, split and what was scored -> the score of the base and the version."""
    from adapt_embed.registry import ScoreRecord

    found = {(each["task"], each["reference"]): each["metrics"] for each in cell["scores"]}
    base = next(each["base"] for each in cell["references"] if each["name"] == f"{name}@1")
    return {
        f"{task['name']}, {task['split']}, {task['items']} {task['item']}": ScoreRecord(
            metric=task["main_metric"],
            before=found[task["name"], base][task["main_metric"]],
            after=found[task["name"], f"{name}@1"][task["main_metric"]],
        )
        for task in cell["tasks"]
    }


def write_index() -> None:
    """Write the index of all that lies in the package."""
    from adapt_embed.registry import read_entry
    from adapt_embed.registry.index import Index

    index = Index()
    for path in sorted(PACKAGE.glob("*/*/adapt.json")):
        index = index.with_entry(read_entry(path))
    (PROJECT / "registry.json").write_bytes(index.to_json())


STEPS: dict[str, Callable[[argparse.Namespace, str], str | None]] = {"train": train, "score": score, "write": write, "check": check}


if __name__ == "__main__":
    main()
