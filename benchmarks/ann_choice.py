"""Which approximate index finds most of the nearest rows for its time: usearch or faiss? What `adapt data mine` takes above its limit follows from it.

    pip install usearch faiss-cpu
    python benchmarks/ann_choice.py [--rows 50000]

Vectors of 384 dimensions, 24 latent ones through a random network, with noise; 200 queries of the same kind; one thread. Recall: the share of the exact first 50.
Prints a line for each index and width of the search; keeps no cells.
"""

import argparse
import time
from collections.abc import Callable, Iterator

import numpy as np

WIDTH, LATENT, HIDDEN, NEAREST, QUERIES = 384, 24, 128, 50, 200
NEIGHBOURS, ADDING = 16, 128
WIDTHS = (128, 256, 512)
Found = tuple[str, float, Callable[[], np.ndarray]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=50_000)
    rows, queries = make_vectors(parser.parse_args().rows)
    exact = np.argsort(-queries @ rows.T, axis=1)[:, :NEAREST]
    for make in (usearch_indexes, faiss_graphs, faiss_lists):
        for name, build_s, search in make(rows, queries):
            started = time.perf_counter()
            found = search()
            milliseconds = 1000 * (time.perf_counter() - started) / len(queries)
            recall = np.mean([len(set(one) & set(true)) / NEAREST for one, true in zip(found, exact, strict=True)])
            print(f"{name}: built in {build_s:.1f} s, {milliseconds:.2f} ms a query, recall {recall:.3f}", flush=True)


def make_vectors(count: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    first = generator.standard_normal((LATENT, HIDDEN)).astype(np.float32)
    second = generator.standard_normal((HIDDEN, WIDTH)).astype(np.float32) / np.float32(np.sqrt(HIDDEN))

    def some(number: int) -> np.ndarray:
        latent, noise = (generator.standard_normal((number, width)).astype(np.float32) for width in (LATENT, WIDTH))
        vectors = np.tanh(latent @ first / 5) @ second + 0.25 * noise
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    return some(count), some(QUERIES)


def usearch_indexes(rows: np.ndarray, queries: np.ndarray) -> Iterator[Found]:
    from usearch.index import Index

    for dtype in ("bf16", "f32"):
        started = time.perf_counter()
        index = Index(ndim=WIDTH, metric="ip", dtype=dtype, connectivity=NEIGHBOURS, expansion_add=ADDING)
        index.add(np.arange(len(rows)), rows, threads=1)
        built = time.perf_counter() - started
        for width in WIDTHS:
            index.expansion_search = width
            yield f"usearch {dtype}, {width}", built, lambda index=index: index.search(queries, NEAREST, threads=1).keys


def faiss_graphs(rows: np.ndarray, queries: np.ndarray) -> Iterator[Found]:
    import faiss

    faiss.omp_set_num_threads(1)
    started = time.perf_counter()
    index = faiss.IndexHNSWFlat(WIDTH, NEIGHBOURS, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = ADDING
    index.add(rows)
    built = time.perf_counter() - started
    for width in WIDTHS:
        index.hnsw.efSearch = width
        yield f"faiss HNSW, {width}", built, lambda: index.search(queries, NEAREST)[1]


def faiss_lists(rows: np.ndarray, queries: np.ndarray) -> Iterator[Found]:
    import faiss

    started, lists = time.perf_counter(), int(4 * len(rows) ** 0.5)
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(WIDTH), WIDTH, lists, faiss.METRIC_INNER_PRODUCT)
    index.train(rows[: 40 * lists])
    index.add(rows)
    built = time.perf_counter() - started
    for probes in (16, 32, 64, 128):
        index.nprobe = probes
        yield f"faiss IVF, {probes} of {lists} lists", built, lambda: index.search(queries, NEAREST)[1]


if __name__ == "__main__":
    main()
