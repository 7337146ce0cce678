"""Mining hard negatives: memory over the size of the corpus, and time and result beside sentence-transformers' `mine_hard_negatives`.

    python benchmarks/mine.py                        every size
    python benchmarks/mine.py --only memory          10 thousand to 1 million vectors of a seeded memory map
    python benchmarks/mine.py --only peer --sizes 10000

`memory` mines 500 queries against an index of random vectors (`random_index.py`) that is mapped, each size in a process of its own, and
notes the most memory of its own that the process had (RssAnon; pages of the mapped file belong to the system's cache and go when others
need them), less what it had before. `peer` gives both the same vectors and the same texts in one process and times each from vectors to
triplets, in turn, for the median of several; sentence-transformers gets a model that returns these vectors. Seconds hold for the machine
as it was; the ratio is what is told. `--report` prints the figures that are kept (cells.py).
"""

import contextlib
import io
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import torch
from adapt_embed.data.pairs import Pairs, TrainingData
from adapt_embed.datatools.embedding import Embedded
from adapt_embed.datatools.mining.dense import DenseRetriever
from adapt_embed.datatools.mining.settings import MineSettings
from adapt_embed.datatools.mining.tool import mine_by
from adapt_embed.events import QUIET
from adapt_embed.index.folder import open_index
from adapt_embed.index.hidden import nothing_hidden
from adapt_embed.index.vectors import StoredVectors, in_memory
from cells import Cells, make_parser
from random_index import write_random_index

CELLS = Cells("mine")
SIZES = (10_000, 100_000, 1_000_000)
QUERIES, DIMENSION, REPEATS = 500, 384, 5
SETTINGS = MineSettings(negatives=5, range_max=50)


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--only", choices=["memory", "peer"])
    parser.add_argument("--sizes", type=int, nargs="+", help="passages [default: 10 thousand, 100 thousand, and for memory a million]")
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--peak", type=Path, help="only mine against this index, and print the figures")
    options = parser.parse_args()
    if options.fold:
        CELLS.fold()
    if options.report or options.fold:
        return print(json.dumps(CELLS.read(), indent=1))
    if options.peak:
        return print(json.dumps(measure_peak(open_index(options.peak).vectors())))
    if options.only != "peer":
        for rows in options.sizes or SIZES:
            run_memory(rows)
    if options.only != "memory":
        for rows in options.sizes or SIZES[:2]:
            CELLS.write(f"peer-{rows}", figures := compare(rows, options.repeats))
            print(rows, json.dumps(figures))
    return None


def run_memory(rows: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "index"
        write_random_index(folder, rows, DIMENSION)
        found = subprocess.run([sys.executable, __file__, "--peak", folder], capture_output=True, text=True, check=True).stdout
    CELLS.write(f"memory-{rows}", json.loads(found))
    print(rows, found.strip())


def measure_peak(stored: StoredVectors) -> dict[str, float]:
    """Return what candidates of `QUERIES` queries cost: the most memory of its own, sampled all the while, and the seconds."""
    retriever = DenseRetriever(Embedded("random", unit(QUERIES, 1), stored))
    retriever.embedded.queries[:64] @ stored.parts[0][:64].T  # so that the libraries have their buffers
    before, peak, done = own_memory_mb(), [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.002):
            peak[0] = max(peak[0], own_memory_mb())

    watcher = threading.Thread(target=watch)
    watcher.start()
    started = time.perf_counter()
    retriever.retrieve(SETTINGS.depth, nothing_hidden(), QUIET)
    seconds = time.perf_counter() - started
    done.set()
    watcher.join()
    return {"passages": stored.count, "peak_mb": round(peak[0] - before, 1), "seconds": round(seconds, 2)}


def own_memory_mb() -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssAnon"))
    return int(line.split()[1]) / 1000


def unit(rows: int, seed: int) -> torch.Tensor:
    draw = np.random.default_rng(seed).standard_normal((rows, DIMENSION), np.float32)
    return torch.from_numpy(draw / np.linalg.norm(draw, axis=1, keepdims=True))


def compare(rows: int, repeats: int) -> dict[str, object]:
    """Mine with both, in turn: seconds, their ratio, and whether the negatives are the same."""
    import sentence_transformers.util  # noqa: F401 (not timed)

    passages = unit(rows, 0)
    queries = torch.nn.functional.normalize(unit(QUERIES, 1) + 2 * passages[:QUERIES], dim=1)  # each has a passage that is near
    data = texts(rows)
    ours, theirs, seconds = {}, {}, {"ours": [], "theirs": []}
    for _ in range(repeats):
        for name, run, kept in (("ours", mine_ours, ours), ("theirs", mine_theirs, theirs)):
            started = time.perf_counter()
            kept.update(run(data, queries, passages))
            seconds[name].append(time.perf_counter() - started)
    median = {name: statistics.median(each) for name, each in seconds.items()}
    return {
        "passages": rows,
        "queries": QUERIES,
        "repeats": repeats,
        "threads": torch.get_num_threads(),
        "seconds": {name: [round(each, 3) for each in every] for name, every in seconds.items()},
        "ratio": round(median["ours"] / median["theirs"], 3),
        "negatives": sum(map(len, ours.values())),
        "same": ours == theirs,
    }


def texts(rows: int) -> TrainingData:
    corpus = {f"p{row}": f"passage {row}" for row in range(rows)}
    queries = {f"q{row}": f"query {row}" for row in range(QUERIES)}
    return TrainingData(
        corpus=corpus, train=Pairs(queries, {f"q{row}": {f"p{row}": 1} for row in range(QUERIES)}), dev=None, source="random"
    )


def mine_ours(data: TrainingData, queries: torch.Tensor, passages: torch.Tensor) -> dict[str, list[str]]:
    retriever = DenseRetriever(Embedded("random", queries, in_memory(passages, "random")))
    mined = mine_by(data, [retriever], SETTINGS).data
    return {mined.train.queries[qid]: [mined.corpus[pid] for pid in ids] for qid, ids in mined.train.negatives.items()}


def mine_theirs(data: TrainingData, queries: torch.Tensor, passages: torch.Tensor) -> dict[str, list[str]]:
    from datasets import Dataset
    from sentence_transformers.util import mine_hard_negatives

    pairs = {"query": list(data.train.queries.values()), "answer": [data.corpus[next(iter(ids))] for ids in data.train.positives.values()]}
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        mined = mine_hard_negatives(
            Dataset.from_dict(pairs),
            Model(queries, passages),
            corpus=list(data.corpus.values()),
            num_negatives=SETTINGS.negatives,
            range_max=SETTINGS.depth,
            relative_margin=0.05,
            verbose=False,
        )
    found: dict[str, list[str]] = {}
    for row in mined:
        found.setdefault(row["query"], []).append(row["negative"])
    return found


class Model:
    """What `mine_hard_negatives` asks of a model, over vectors that are there."""

    device = "cpu"

    def __init__(self, queries: torch.Tensor, passages: torch.Tensor) -> None:
        self._queries, self._passages = queries, passages

    def encode_query(self, texts: list[str], **_: object) -> np.ndarray:
        assert len(texts) == len(self._queries)
        return self._queries.numpy()

    def encode_document(self, texts: list[str], **_: object) -> np.ndarray:
        assert len(texts) == len(self._passages)
        return self._passages.numpy()

    def similarity(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        from sentence_transformers.util import cos_sim

        return cos_sim(a, b)

    def similarity_pairwise(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        from sentence_transformers.util import pairwise_cos_sim

        return pairwise_cos_sim(a, b)


if __name__ == "__main__":
    main()
