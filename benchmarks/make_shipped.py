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
from collections.abc import Callable
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
    """One that ships: the folder of its data, what those are and their licence, which of its queries train (None: all), and its number."""

    data: str
    origin: str
    licence: str
    note: str
    train_queries: int | None = None
    version: int = 1


SETS = {
    "ecommerce": Shipped(
        "ecommerce-hetpqa",
        "hetPQA, https://github.com/amazon-science/contextual-product-qa at cec976c",
        "CDLA-Sharing-1.0",
        "real shopper questions without the product's title: many are ambiguous, and no score comes near 1",
    ),
    "legal": Shipped(
        "legal-conditionalqa",
        "ConditionalQA v1.0, https://github.com/haitian-sun/ConditionalQA at 77bd295",
        "BSD-2-Clause and OGL-UK-3.0",
        "guidance of gov.uk; the data's authors ask that they be used for research on language alone, and for no legal purposes",
    ),
    "medical": Shipped(
        "medical-medquad",
        "MedQuAD, https://github.com/abachaa/MedQuAD at 577bd37",
        "CC-BY-4.0",
        "questions made from templates: real questions of patients are worded otherwise; no medical advice",
        train_queries=2000,
    ),
}


def main() -> None:
    parser = make_shared_parser(__doc__)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--only", choices=STEPS)
    options = parser.parse_args()
    os.environ["ADAPT_SHIPPED"] = "0"  # what is trained is numbered as if nothing shipped yet
    faults = [fault for step in [options.only] if options.only else STEPS for name in options.sets.split(",") if (fault := STEPS[step](options, name))]
    sys.exit("\n".join(faults) or None)


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
    )


def score(options: argparse.Namespace, name: str) -> None:
    """Score an adapter beside its base on the test split and on STSBenchmark unless that is done."""
    if name in CELLS.read():
        return
    print(f"{name}: scoring", flush=True)
    data = options.shared / "data"
    found = adapt(
        *("bench", f"{name}@1", "--data", data / SETS[name].data, "--general-data", data / GENERAL),
        *("--base", options.shared / "bases" / BASE, "--registry", home(name)),
    )
    CELLS.write(name, json.loads(json.dumps(found).replace(f"{data.resolve()}/", "").replace(f"{data}/", "")))


def write(_options: argparse.Namespace, name: str) -> None:
    """Write an adapter into the package, with its scores and its card, and the index anew."""
    from adapt_embed.registry import read_entry
    from adapt_embed.registry.stored import as_read, entry_file

    folder = PACKAGE / name / str(SETS[name].version)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(trained_folder(name), folder, ignore=NO_TOKENIZER)
    entry = shipped_entry(name, read_entry(trained_folder(name) / "adapt.json"), folder)
    (folder / "adapt.json").write_bytes(entry_file(as_read(entry)))
    write_index()
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


def shipped_entry(name: str, trained, folder: Path):
    """Return the entry of a version that ships: nothing of the machine that trained it, and the scores of the bench."""
    from adapt_embed.registry.staging import record_files

    shipped, cell = SETS[name], CELLS.read()[name]
    data = replace(trained.data, source=shipped.data, notes=(f"{shipped.origin}; {shipped.licence}", shipped.note))
    bases = tuple(replace(base, path=None) for base in trained.bases)
    entry = replace(trained, version=shipped.version, bases=bases, data=data, scores=trained.scores | bench_scores(name, cell))
    return replace(entry, files=record_files(folder))


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
