"""What training against a whole corpus costs, and how exact it is where candidates stand for the corpus; `query_side.py --measure` calls it.

- `bias`: loss and gradient with candidates against the exact ones, over 100,000 sentences of the English sets, with queries of ecommerce-hetpqa;
  the nearest passages as the queries are, and as they were an epoch before (`stale`), for several numbers of them and sizes of the sample.
- `million`: an exact step of the loss over a million random vectors of 384 dimensions for 32 queries, mapped from a file, and the peak memory of the process.
- `candidates`: a step with candidates over the same file, and the search for the candidates of an epoch, beside an exact step over 10,000; all with the network.
  `candidates-parts`: the same with the file in parts of 4,096 rows, as an index keeps them.
- `approximate`: finding the nearest 1,024 of the sentences of `bias` for training queries, exactly and by an approximate index: seconds, and its recall.
- `profile`: what a step of ecommerce-hetpqa spends its time on, by torch's profiler.
- `speed`: training queries a second beside the pairs a second of sentence-transformers + peft (`train_speed.py`), on each set, and embedding the corpus.
"""

import argparse
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from adapt_embed.adapters.batches import Batches
from adapt_embed.adapters.config import TrainConfig, config_from
from adapt_embed.adapters.corpus.open import open_corpus
from adapt_embed.adapters.corpus.stored import StoredCorpus
from adapt_embed.adapters.corpus.vectors import CorpusVectors, HeldVectors
from adapt_embed.adapters.losses.batch import CorpusTargets, Drawn
from adapt_embed.adapters.losses.whole_corpus import info_nce_against_corpus
from adapt_embed.adapters.sides.open import open_side
from adapt_embed.adapters.strategies.table import open_strategy, put_in
from adapt_embed.adapters.token_ids import TokenIds
from adapt_embed.adapters.train import train_adapter
from adapt_embed.data.beir import BeirFolder
from adapt_embed.data.draw import draw
from adapt_embed.data.pairs import draw_queries
from adapt_embed.encoders import LoraEncoder
from adapt_embed.index.approximate import ApproximateIndex, build_approximate
from adapt_embed.index.nearest import nearest_rows
from cells import Cells
from torch import Tensor
from torch.profiler import ProfilerActivity, profile
from train_quality import SETS

SENTENCES, WORDS = 100_000, 3
MILLION, WIDTH, QUERIES = 1_000_000, 384, 32
NUMBERS = ((0, 8192), (0, 65536), (256, 8192), (1024, 2048), (1024, 8192), (1024, 32768), (4096, 8192))
"""Candidates and sizes of the sample whose bias is measured; without candidates a uniform sample stands for everything."""
BATCHES, DRAWS = 8, 20
PART = 4096
KINDS = {
    "matrix products": ("mm", "addmm", "addmm_", "bmm", "baddbmm"),
    "copies between number formats": ("copy_",),
    "gelu": ("gelu", "gelu_backward"),
    "layer norms": ("native_layer_norm", "native_layer_norm_backward"),
}
NONE = torch.tensor([], dtype=torch.int64)


# Bias


def measure_bias(options: argparse.Namespace, cells: Cells, open_set: Callable) -> dict:
    data = open_set(options, "ecommerce")
    vectors = HeldVectors((torch.from_numpy(sentence_vectors(options, cells, data.base)),))
    old, queries = query_vectors(cells, data)
    chosen = torch.from_numpy(np.random.default_rng(0).choice(len(queries), BATCHES * QUERIES, replace=False))
    old, queries = old[chosen], queries[chosen]
    answers = nearest_rows(queries, vectors, 10)[
        :, 3
    ]  # the fourth nearest stands for the answer: losses are then what they are in training
    nearest = {"fresh": nearest_rows(queries, vectors, 4096), "stale": nearest_rows(old, vectors, 4096)}
    return {
        f"{age}-{candidates}-{sample}": bias_of(vectors, queries, answers, rows[:, :candidates], sample)
        for age, rows in nearest.items()
        for candidates, sample in NUMBERS
        if candidates or age == "fresh"
    }


def bias_of(vectors: CorpusVectors, queries: Tensor, answers: Tensor, nearest: Tensor, sample: int) -> dict:
    """Return the relative errors of loss and gradient of a batch: of their mean over draws (`bias`), and of one draw (`error`)."""
    found: dict[str, list[float]] = {"loss_bias": [], "loss_error": [], "gradient_bias": [], "gradient_error": []}
    generator = np.random.default_rng(1)
    for rows in torch.arange(len(queries)).split(QUERIES):
        pairs = torch.stack([torch.arange(len(rows)), answers[rows]])
        pairs = pairs[:, torch.argsort(pairs[1], stable=True)]
        targets = CorpusTargets(vectors=vectors, positive=pairs, excluded=pairs, copies=NONE)
        loss, gradient = loss_and_gradient(queries[rows], targets)
        losses, gradients = [], []
        for _ in range(DRAWS):
            drawn = torch.from_numpy(np.sort(generator.choice(vectors.count, sample, replace=False)))
            one, its = loss_and_gradient(queries[rows], replace(targets, drawn=Drawn(nearest=nearest[rows], sample=drawn)))
            losses.append(one)
            gradients.append(its)
        found["loss_bias"].append(abs(statistics.mean(losses) / loss - 1))
        found["loss_error"].append(math.sqrt(statistics.mean((one / loss - 1) ** 2 for one in losses)))
        found["gradient_bias"].append(float((torch.stack(gradients).mean(0) - gradient).norm() / gradient.norm()))
        found["gradient_error"].append(
            math.sqrt(statistics.mean(float((one - gradient).norm() / gradient.norm()) ** 2 for one in gradients))
        )
    return {name: round(statistics.mean(values), 5) for name, values in found.items()}


def loss_and_gradient(queries: Tensor, targets: CorpusTargets) -> tuple[float, Tensor]:
    live = queries.clone().requires_grad_()
    loss = info_nce_against_corpus(live, targets, TrainConfig(side="query"))
    loss.backward()
    assert live.grad is not None
    return loss.item(), live.grad


def sentence_vectors(options: argparse.Namespace, cells: Cells, base: object) -> np.ndarray:
    path = cells.runs / "sentences.npy"
    if not path.exists():
        texts: dict[str, None] = {}
        names = [chosen.data for chosen in SETS.values() if chosen.lang == "en"] + ["ecommerce-epqa", "ecommerce-productmatch"]
        for name in names:
            passages = BeirFolder(options.shared / "data" / name).corpus().values()
            texts |= dict.fromkeys(part.strip() for text in passages for part in text.split(". ") if len(part.split()) >= WORDS)
        some = draw(sorted(texts), SENTENCES, 0)
        np.save(path, LoraEncoder(base, max_tokens=64).encode(some).vectors)  # type: ignore[arg-type]
    return np.load(path)


def query_vectors(cells: Cells, data: object) -> tuple[Tensor, Tensor]:
    """Return the vectors of the training queries by the base, and by an adapter after an epoch."""
    path = cells.runs / "queries.npy"
    if not path.exists():
        config, texts = config_from({"side": "query", "epochs": 1}), list(data.train.train.queries.values())  # type: ignore[attr-defined]
        vectors = HeldVectors((torch.from_numpy(np.load(cells.runs / "ecommerce.npy")),))
        result = train_adapter(data.base, data.train, config, corpus=open_corpus(data.base, data.train, config, vectors))  # type: ignore[attr-defined]
        encoders = (LoraEncoder(data.base), LoraEncoder(data.base, result.factors))  # type: ignore[attr-defined]
        np.save(path, np.stack([encoder.encode(texts, "query").vectors for encoder in encoders]))
    before, after = torch.from_numpy(np.load(path))
    return before, after


# A million


def random_vectors(cells: Cells) -> Path:
    path = cells.runs / "million.npy"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        file, generator = np.lib.format.open_memmap(path, "w+", np.float32, (MILLION, WIDTH)), np.random.default_rng(0)
        for start in range(0, MILLION, 10_000):
            part = generator.standard_normal((10_000, WIDTH), np.float32)
            file[start : start + 10_000] = part / np.linalg.norm(part, axis=1, keepdims=True)
    return path


def mapped(path: Path) -> HeldVectors:
    array = np.load(path, mmap_mode="c")  # torch wants it writable; what would be written never reaches the file
    return HeldVectors((torch.from_numpy(array),))


def measure_million(_: argparse.Namespace, cells: Cells, _open: Callable) -> dict:
    vectors = mapped(random_vectors(cells))
    queries = torch.nn.functional.normalize(torch.randn(QUERIES, WIDTH, generator=torch.Generator().manual_seed(0)))
    pairs = torch.stack([torch.arange(QUERIES), torch.arange(QUERIES)])
    targets = CorpusTargets(vectors=vectors, positive=pairs, excluded=pairs, copies=NONE)
    seconds = [timed(lambda: loss_and_gradient(queries, targets)) for _ in range(5)]
    return {"step_s": round(statistics.median(seconds[1:]), 3), "peak_mb": round(peak_mb()), "threads": torch.get_num_threads()}


def measure_candidates(options: argparse.Namespace, cells: Cells, open_set: Callable) -> dict:
    return time_candidates(options, open_set, mapped(random_vectors(cells)))


def measure_candidates_in_parts(options: argparse.Namespace, cells: Cells, open_set: Callable) -> dict:
    whole = mapped(random_vectors(cells)).parts[0]
    return time_candidates(options, open_set, HeldVectors(tuple(whole.split(PART))))


def time_candidates(options: argparse.Namespace, open_set: Callable, large: HeldVectors) -> dict:
    data = open_set(options, "ecommerce")
    small = HeldVectors((large.parts[0][:10_000].clone(),))
    found: dict[str, object] = {"threads": torch.get_num_threads()}
    for name, vectors, candidates in (("exact_10_thousand", small, 0), ("exact_million", large, 0), ("candidates_million", large, None)):
        config = config_from({"side": "query", "candidates": candidates})
        corpus = open_corpus(data.base, data.train, config, vectors)
        assert corpus is not None
        assert (corpus.sampling is None) == (candidates == 0)
        found |= time_steps(data, config, corpus, name)
    per_step = float(found["candidates_million_refresh_s"]) / int(found["steps_per_epoch"])  # type: ignore[call-overload, arg-type]
    whole = float(found["candidates_million_step_s"]) + per_step  # type: ignore[arg-type]
    return found | {"times_exact_10_thousand": round(whole / float(found["exact_10_thousand_step_s"]), 2)}  # type: ignore[arg-type]


def time_steps(data: object, config: TrainConfig, corpus: StoredCorpus, name: str, steps: int = 6) -> dict:
    """Time steps with the network in them and, where candidates are used, the search for those of all queries."""
    batches, strategy = Batches(data.train.train, data.train.corpus, config), open_strategy(config)  # type: ignore[attr-defined]
    objective, token_ids, base = open_side(batches, config, corpus), TokenIds(data.base, config.max_tokens), data.base  # type: ignore[attr-defined]
    facts: dict[str, object] = {"steps_per_epoch": batches.steps_per_epoch}
    with put_in(strategy, base):
        if objective.refreshes(0):
            facts[f"{name}_refresh_s"] = round(timed(lambda: objective.refresh(base, token_ids)), 2)
        strategy.training(True)
        seconds = [timed(lambda step=step: objective.accumulate(base, step, step, token_ids)) for step in range(steps)]
    return facts | {f"{name}_step_s": round(statistics.median(seconds[1:]), 3)}


def measure_approximate(options: argparse.Namespace, cells: Cells, open_set: Callable, count: int = 1024) -> dict:
    data = open_set(options, "ecommerce")
    vectors = HeldVectors((torch.from_numpy(sentence_vectors(options, cells, data.base)),))
    queries = query_vectors(cells, data)[1]
    indexes: list[ApproximateIndex] = []
    build_s = timed(lambda: indexes.append(build_approximate(vectors, NONE, "this")))
    found: list[Tensor] = []
    search_s = timed(lambda: found.append(torch.from_numpy(indexes[0].nearest(queries, count))))
    exact_s = timed(lambda: found.append(nearest_rows(queries, vectors, count)))
    hits = sum(len(set(one.tolist()) & set(other.tolist())) for one, other in zip(*found, strict=True))
    return {
        "threads": torch.get_num_threads(),
        "rows": vectors.count,
        "queries": len(queries),
        "build_s": round(build_s, 2),
        "search_s": round(search_s, 2),
        "exact_s": round(exact_s, 2),
        "recall": round(hits / (len(queries) * count), 4),
    }


# Where the time of a step goes


def measure_profile(options: argparse.Namespace, cells: Cells, open_set: Callable, queries: int = 640) -> dict:
    """Return the shares of the processor's time of an epoch over some queries, by kind of operation."""
    data = open_set(options, "ecommerce")
    data = replace(data, train=replace(data.train, train=draw_queries(data.train.train, queries, 0)))
    config = config_from({"side": "query", "epochs": 1})
    corpus = open_corpus(data.base, data.train, config, HeldVectors((torch.from_numpy(np.load(cells.runs / "ecommerce.npy")),)))
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        train_adapter(data.base, data.train, config, corpus=corpus)
    spent = {event.key: event.self_cpu_time_total for event in profiled.key_averages()}
    shares = {kind: sum(spent.get(f"aten::{name}", 0) for name in names) / sum(spent.values()) for kind, names in KINDS.items()}
    return {"threads": torch.get_num_threads()} | {kind: round(share, 3) for kind, share in shares.items()}


# Beside the peer


def measure_speed(options: argparse.Namespace, cells: Cells, open_set: Callable) -> dict:
    """Time our steps here, and the peer's by `train_speed.py` in the faster of its precisions."""
    found: dict[str, object] = {"threads": torch.get_num_threads()}
    for name in options.speed_sets.split(","):
        data = open_set(options, name)
        config = config_from({"side": "query"})
        path = cells.runs / f"{name}.npy"
        if path.exists():
            vectors = HeldVectors((torch.from_numpy(np.load(path)),))
        else:  # the loss takes as long whatever the vectors are
            one = torch.nn.functional.normalize(torch.randn(len(data.train.corpus), data.base.spec.dimension))
            vectors = HeldVectors((one,))
        corpus = open_corpus(data.base, data.train, config, vectors)
        assert corpus is not None
        step = float(time_steps(data, config, corpus, "ours", 8)["ours_step_s"])
        peers = {precision: peer_step_s(options, name, precision) for precision in ("fp32", "bf16")}
        best = min(peers.values())
        found[name] = {
            "queries_per_s": round(config.batch_size / step, 2),
            "peer_pairs_per_s": {precision: round(config.batch_size / seconds, 2) for precision, seconds in peers.items()},
            "times_faster": round(best / step, 2),
        }
        print(name, json.dumps(found[name]), flush=True)
    return found


def peer_step_s(options: argparse.Namespace, name: str, precision: str) -> float:
    threads = str(torch.get_num_threads())
    command = [sys.executable, str(Path(__file__).with_name("train_speed.py")), "--shared", str(options.shared), "--precision", precision]
    environment = os.environ | {"OMP_NUM_THREADS": threads, "OMP_WAIT_POLICY": "passive", "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run([*command, "--one", "peer", name], capture_output=True, text=True, env=environment, check=True)
    return statistics.median(json.loads(done.stdout.splitlines()[-1])["steps_s"])


MEASURES: dict[str, Callable[[argparse.Namespace, Cells, Callable], dict]] = {
    "bias": measure_bias,
    "million": measure_million,
    "candidates": measure_candidates,
    "candidates-parts": measure_candidates_in_parts,
    "approximate": measure_approximate,
    "profile": measure_profile,
    "speed": measure_speed,
}


def timed(work: Callable[[], object]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
