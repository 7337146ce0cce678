"""An index of random vectors, as large as is asked for, and what an exact search of it takes.

    python benchmarks/random_index.py                     1 million rows of 384 dimensions, in fp32 and bf16
    python benchmarks/random_index.py --rows 100000

`write_random_index` makes the folder, also for other programs. Seconds are of one query, and a query of a hundred at once, the index
being in the page cache; the peak is that of the process, mapped pages included. `--report` prints the figures that are kept (cells.py).
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from adapt_embed.index.folder import IndexFolder, open_index
from adapt_embed.index.manifest import Manifest, VectorFormat
from adapt_embed.index.search import best_rows
from adapt_embed.index.shard import hash_rows
from adapt_embed.index.writing import finish, write_shard
from adapt_embed.registry import BaseRecord
from cells import Cells, make_parser

CELLS = Cells("random_index")


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--dimension", type=int, default=384)
    parser.add_argument("--search", type=Path, help="only search this index, and print the figures")
    options = parser.parse_args()
    if options.fold:
        CELLS.fold()
    if options.report or options.fold:
        return print(json.dumps(CELLS.read(), indent=1))
    if options.search:
        return print(json.dumps(measure(open_index(options.search))))
    for vectors in ("fp32", "bf16"):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / "index"
            write_random_index(folder, options.rows, options.dimension, vectors)
            found = subprocess.run([sys.executable, __file__, "--search", folder], capture_output=True, text=True, check=True).stdout
            figures = json.loads(found) | {"bytes": open_index(folder).manifest.size, "threads": torch.get_num_threads()}
        CELLS.write(f"{options.rows}-{vectors}", figures)
        print(vectors, json.dumps(figures))
    return None


def write_random_index(folder: Path, rows: int, dimension: int, vectors: VectorFormat = "fp32", *, seed: int = 0) -> IndexFolder:
    """Write an index of normal vectors of length 1 without texts, whose ids are the numbers of the rows; memory is that of one shard."""
    folder.mkdir(parents=True)
    base = BaseRecord(id=None, sha256="0" * 64, name="random")
    about = Manifest(
        reference="base",
        bases=(base,),
        encoder={"factors": None},
        dimension=dimension,
        vectors=vectors,
        has_texts=False,
        rows_per_shard=4096,
    )
    draw, records = np.random.default_rng(seed), []
    for number, start in enumerate(range(0, rows, about.rows_per_shard)):
        ids = [str(row) for row in range(start, min(start + about.rows_per_shard, rows))]
        some = draw.standard_normal((len(ids), dimension), np.float32)
        some /= np.linalg.norm(some, axis=1, keepdims=True)
        records.append(write_shard(folder, number, ids, [], some, about, hash_rows(ids, ids)))
    finish(folder, about.with_shards(tuple(records)))
    return open_index(folder)


def measure(index: IndexFolder) -> dict[str, float]:
    stored = index.vectors()
    draw = torch.Generator().manual_seed(1)
    queries = torch.nn.functional.normalize(torch.randn(100, stored.dimension, generator=draw), dim=1)
    found = {}
    for name, some in (("one_s", queries[:1]), ("hundred_s", queries)):
        times = []
        for _ in range(3):
            started = time.perf_counter()
            best_rows(some, stored, 10)
            times.append(time.perf_counter() - started)
        found[name] = round(min(times), 3)
    return found | {"peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2)}


if __name__ == "__main__":
    main()
