"""What `adapt data clean` finds of planted faults, and how many sound rows it drops: 200 faults of each kind in real data.

    python benchmarks/clean.py

Two sets of ../shared/data: medical-medquad (English) and legal-zh-stard (Chinese), with the pairs of 1,000 training queries each
and the passages that answer them. Each kind is planted alone (planted_faults.py), and cleaned with the defaults; `script` is asked for where it is planted. A fault counts as
found where the rule of its kind has it in its findings; `mended` is the share of faulty texts that come out as the sound ones do. Sound rows
are all that were not planted: real duplicates among them count as dropped. `--report` prints the figures that are kept (cells.py).
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from adapt_embed.data.beir import BeirFolder
from adapt_embed.data.pairs import TrainingData, draw_queries
from adapt_embed.datatools.cleaning import CleanSettings, clean
from adapt_embed.datatools.cleaning.ledger import Ledger
from adapt_embed.datatools.cleaning.texts import clean_text, text_rules
from cells import Cells, make_parser
from planted_faults import FOREIGN, KINDS, Planted, Source

CELLS = Cells("clean")
SETS = {"medical-medquad": ("en", "bge-small-en-v1.5", None), "legal-zh-stard": ("zh", "bge-small-zh-v1.5-int8", "bge-small-zh")}
"""Set -> language, base, and what the base is read as."""
QUERIES, SEED = 1000, 0
FOUND, DROPPED = 0.95, 0.01
"""The targets: at least so many faults are found, and at most so many sound rows dropped."""


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--kind", choices=list(KINDS), nargs="+", default=list(KINDS), help="which kinds of faults [default: all]")
    parser.add_argument("--count", type=int, default=200, help="faults of each kind")
    options = parser.parse_args()
    if options.fold:
        CELLS.fold()
    if not (options.report or options.fold):
        for name in SETS:
            measure_set(name, options.shared, options.count, options.kind)
    show()


def measure_set(name: str, shared: Path, count: int, kinds: Sequence[str]) -> None:
    """Measure every kind in one set, and what is dropped of it where nothing is planted."""
    language, base, base_as = SETS[name]
    settings = CleanSettings(base=str(shared / "bases" / base), base_as=base_as)
    data = read(shared / "data" / name)
    foreign = foreign_rows(shared / "data", language)
    CELLS.write(f"{name}-none", measure(Planted(data, set()), "duplicate", settings))
    for kind in kinds:
        if kind == "script" and language != "zh":
            continue
        planted = KINDS[kind](Source(data, language, count, np.random.default_rng(SEED), foreign))
        asked = replace(settings, script="simplified") if kind == "script" else settings
        CELLS.write(f"{name}-{kind}", measure(planted, kind, asked))


def read(folder: Path) -> TrainingData:
    """Read the training pairs of a BEIR folder and the passages that answer them."""
    beir = BeirFolder(folder)
    corpus = beir.corpus()
    pairs = beir.pairs("train", corpus)
    pairs = draw_queries(pairs, QUERIES, SEED)
    return TrainingData(corpus={pid: corpus[pid] for pid in sorted(pairs.passage_ids())}, train=pairs, dev=None, source=folder.name)


def foreign_rows(data: Path, language: str) -> list[tuple[str, str]]:
    """Return rows of other languages: half of those of the other set, half of twelve further languages."""
    other = read(data / next(name for name, (own, *_) in SETS.items() if own != language))
    rows = [(other.train.queries[qid], other.corpus[pid]) for qid, ids in other.train.positives.items() for pid in ids]
    return rows[:: len(rows) // 100][:100] + [FOREIGN[at % len(FOREIGN)] for at in range(100)]


def measure(planted: Planted, kind: str, settings: CleanSettings) -> dict[str, float | int | None]:
    """Clean, and count what was found of what was planted."""
    started, ledger = time.process_time(), Ledger(traced=True)
    cleaned = clean(planted.data, settings, ledger=ledger).data
    left = {(qid, pid) for qid, ids in cleaned.train.positives.items() for pid in ids}
    sound = {(qid, pid) for qid, ids in planted.data.train.positives.items() for pid in ids} - planted.rows
    found = planted.wanted & set(ledger.ids.get(kind, ()))
    rules = text_rules(settings)
    mended = sum(cleaned.corpus[pid] == clean_text(text, rules).text for pid, text in planted.texts.items())
    return {
        "planted": len(planted.wanted),
        "found": len(found),
        "mended": mended if planted.texts else None,
        "sound": len(sound),
        "sound_dropped": len(sound - left),
        "cpu_s": round(time.process_time() - started, 1),
    }


def show() -> None:
    """Print the cells, and which are off the targets."""
    cells = CELLS.read()
    print(json.dumps(cells, indent=1))
    missed = [
        name for name, cell in cells.items() if cell["found"] < FOUND * cell["planted"] or cell["sound_dropped"] > DROPPED * cell["sound"]
    ]
    print(f"off the targets: {', '.join(missed) or 'none'}")


if __name__ == "__main__":
    main()
