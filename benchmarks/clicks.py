"""How well the examination of positions is found in click logs whose truth is known, and whether the correction orders items better.

    python benchmarks/clicks.py                 all cells: five seeds of three logs, fixed ranks, memory
    python benchmarks/clicks.py --report        print what is kept

The logs are those of examples/shop_log.py: 100,000 sessions, 500 queries with 50 items each, lists of 10 whose order varies by noise of the
ranker. `biased`: examination is 1 / position. `unbiased`: every position is looked at. `quiet`: as biased, with a sixth of the noise.
`error`: the greatest relative error of a position. `nDCG@10`: of the items of a query that were shown, ranked by a score, against the truth.
`turned`: the share of neighbours, by raw relevance, that the correction turns round; of another sample of the log, that this one does.
"""

import json
import resource
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from time import process_time

import numpy as np
from adapt_embed.datatools.clicklogs.cells import Cells, sum_cells
from adapt_embed.datatools.clicklogs.examination import estimate_examination
from adapt_embed.datatools.clicklogs.relevance import PairScores, score_pairs
from adapt_embed.datatools.clicklogs.rows import ROW, LogRows
from adapt_embed.errors import DataError
from cells import PROJECT, make_parser
from cells import Cells as Kept

sys.path.insert(0, str(PROJECT / "examples"))
from shop_log import Log, Shop, Traffic, examination_of, make_shop, simulate

CELLS = Kept("clicks")
POSITIONS, CLIP = 10, 10.0
LOGS = {"biased": (1.0, 0.3), "unbiased": (0.0, 0.3), "quiet": (1.0, 0.05)}
"""Name -> bias, and the noise of the ranker."""
SEEDS = range(5)
ROWS = (1_000_000, 4_000_000)


def main() -> None:
    options = make_parser(__doc__).parse_args()
    if options.fold:
        CELLS.fold()
    if not (options.report or options.fold):
        for name, (bias, noise) in LOGS.items():
            for seed in SEEDS:
                CELLS.write(f"{name}-{seed}", measure(seed, bias, noise))
        CELLS.write("fixed", fixed())
        for rows in ROWS:
            CELLS.write(f"rows-{rows}", read_log(rows))
    print(json.dumps(CELLS.read(), indent=1))


def rows_of(log: Log, shop: Shop) -> LogRows:
    table = np.zeros(len(log["query"]), ROW)
    for name in ("query", "item", "position", "clicked", "bought"):
        table[name] = log[name]
    table["shown"], table["user"], table["list"] = 1, log["user"] + 1, log["session"] + 1
    return LogRows(table, shop.queries, [item.id for item in shop.items])


def measure(seed: int, bias: float, noise: float) -> dict:
    """Return errors of both estimates, and the quality of orders by corrected and by raw clicks."""
    shop, truth = make_shop(seed), examination_of(POSITIONS, bias)
    cells = sum_cells(rows_of(simulate(shop, Traffic(seed=seed, noise=noise), truth), shop))
    begun = process_time()
    harvested = estimate_examination(cells, "harvest")
    seconds = process_time() - begun
    em = estimate_examination(cells, "em")
    corrected = score_pairs(cells, np.maximum(harvested.values, 1 / CLIP), 0.0)
    raw = score_pairs(cells, np.ones(POSITIONS), 0.0)
    again = np.minimum(np.random.default_rng(seed).poisson(cells.clicked), cells.shown)
    resampled = score_pairs(replace(cells, clicked=again), np.ones(POSITIONS), 0.0)
    return {
        "clicks": float(cells.clicked.sum()),
        "error": {name: float(np.nanmax(np.abs(found.values / truth - 1))) for name, found in (("harvest", harvested), ("em", em))},
        "known": int((~np.isnan(harvested.values)).sum()),
        "stated error": float(np.nanmax(harvested.errors)),
        "seconds": seconds,
        "nDCG@10": {
            "corrected": quality(corrected, corrected.relevance, shop),
            "clicks": quality(raw, raw.clicked, shop),
            "click rate": quality(raw, raw.clicked / raw.looked, shop),
            "click rate, shrunk alike": quality(raw, raw.relevance, shop),
        },
        "turned": {"by correction": turned(raw, corrected), "by another sample": turned(raw, resampled)},
    }


def quality(scores: PairScores, score: np.ndarray, shop: Shop) -> float:
    relevance = {
        (row, item): value for row, found in enumerate(shop.candidates) for item, value in zip(found, shop.relevance[row], strict=True)
    }
    discount = 1 / np.log2(np.arange(2, 12))
    found = []
    for query in np.unique(scores.query):
        of_query = scores.query == query
        true = np.array([relevance[query, item] for item in scores.item[of_query]])
        gained, best = true[np.argsort(-score[of_query], kind="stable")][:10], np.sort(true)[::-1][:10]
        found.append((gained * discount[: len(gained)]).sum() / (best * discount[: len(best)]).sum())
    return float(np.mean(found))


def turned(one: PairScores, other: PairScores) -> float:
    order = np.lexsort((one.relevance, one.query))
    same_query = np.diff(one.query[order]) == 0
    return float((np.diff(other.relevance[order]) < 0)[same_query].mean())


def fixed() -> dict:
    """Return what is said of a log in which every item has one position."""
    shop = make_shop(0)
    cells: Cells = sum_cells(rows_of(simulate(shop, Traffic(noise=0.0), examination_of(POSITIONS)), shop))
    try:
        estimate_examination(cells, "harvest")
    except DataError as e:
        return {"refused": str(e)}
    return {"refused": None}


def read_log(rows: int) -> dict:
    """Return processor seconds and the peak of a process that makes pairs of a log of so many rows."""
    with tempfile.TemporaryDirectory() as folder:
        shop = Path(folder, "shop")
        make = [
            sys.executable,
            PROJECT / "examples" / "shop_log.py",
            shop,
            "--sessions",
            str(rows // POSITIONS),
            "--users",
            str(rows // 50),
        ]
        subprocess.run(make, check=True)
        begun = resource.getrusage(resource.RUSAGE_CHILDREN)
        ask = [sys.executable, "-c", _TOOL, shop / "log.csv", "--catalogue", shop / "catalogue.csv", "-o", shop / "pairs"]
        done = subprocess.run([*ask, "--template", "{title} {brand}"], check=True, capture_output=True, text=True)
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = ended.ru_utime + ended.ru_stime - begun.ru_utime - begun.ru_stime
        size = Path(shop, "log.csv").stat().st_size
    return {"bytes": size, "seconds": seconds, "peak of memory of its own, MB": float(done.stderr.rsplit("anonymous ", 1)[1])}


_TOOL = """
import atexit, sys, threading, time
peak = [0]
def watch():
    while True:
        with open("/proc/self/status") as status:
            peak[0] = max(peak[0], next(int(line.split()[1]) for line in status if line.startswith("RssAnon")))
        time.sleep(0.05)
threading.Thread(target=watch, daemon=True).start()
from adapt_embed.cli import main
try:
    main(["data", "clicks", *sys.argv[1:]], standalone_mode=False)
finally:
    print("anonymous", peak[0] / 1000, file=sys.stderr)
"""

if __name__ == "__main__":
    main()
