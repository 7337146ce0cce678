"""What does training queries alone give, and what does two-sided training against the whole corpus? Quality on dev, one cell per set, arm and seed.

    python benchmarks/query_side.py --shared ../shared [--sets ecommerce,zh,legal,medical] [--arms query,both,corpus] [--seeds 0,1]

Arms: `query` trains queries alone against the base's vectors of the whole corpus, `both` is two-sided training as it is by default, `corpus` two-sided
training with half of its loss against the whole corpus (loss.corpus=0.5); `base` is trained not at all. VARIANTS are further settings, by name.
2,000 training queries (seed 0), 3 epochs, batch 32, rate 5e-4, 256 tokens, the machine's precision; the last state is scored: nDCG@10 of all dev queries over
the dev positives and 2,000 other passages, and Spearman's correlation on the dev pairs of STS-B, both sides as documents. `--test` scores the adapters that
are kept in the work folder on the test split (unseen positives, where a set has such a split) over the whole corpus, and prints the share of both's gain.
The corpus's vectors are embedded once a set; how long that took stands in the set's cell `SET-corpus`.
`--measure` measures costs and exactness instead (query_side_measures.py), with as many threads as OMP_NUM_THREADS says.
Cells are kept one by one (cells.py), so that a run that was stopped goes on where it was. `--report` prints the table: the difference to `both`, with its
95 % interval (paired bootstrap over queries of the mean over seeds), and apart for the dev queries that a passage answers which was trained on.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from adapt_embed.adapters.config import TrainConfig, config_from
from adapt_embed.adapters.corpus.open import corpus_encoder, open_corpus
from adapt_embed.adapters.corpus.vectors import HeldVectors
from adapt_embed.adapters.evaluation import dev_encoder
from adapt_embed.adapters.train import train_adapter
from adapt_embed.base.load import Base, load_base
from adapt_embed.base.resolve import BaseOptions, resolve_base
from adapt_embed.data.beir import BeirFolder
from adapt_embed.data.dev_set import MAX_DISTRACTORS
from adapt_embed.data.pairs import Pairs, TrainingData, draw_passages, draw_queries
from adapt_embed.data.sentence_pairs import SentencePairs, read_sentence_pairs, sentence_pairs_file
from adapt_embed.encoders import LoraEncoder
from adapt_embed.encoders.lora import document_factors_of
from adapt_embed.label_metrics import spearman
from adapt_embed.lora.factors import LoraFactors, LoraModule
from adapt_embed.metrics import NDCG_10
from cells import Cells, make_parser
from query_side_measures import MEASURES
from safetensors.torch import load_file, save_file
from train_quality import SETS, TRAIN_QUERIES, average, difference, mean

CELLS = Cells("query_side")
ARMS: dict[str, dict[str, object]] = {
    "query": {"side": "query", "unnamed_weight": 1.0},
    "both": {},
    "corpus": {"corpus": 0.5, "unnamed_weight": 1.0},
}
VARIANTS: dict[str, dict[str, object]] = {
    "query-slower": {"side": "query", "unnamed_weight": 1.0, "learning_rate": 2e-4},
    "query-faster": {"side": "query", "unnamed_weight": 1.0, "learning_rate": 1e-3},
    "query-longer": {"side": "query", "unnamed_weight": 1.0, "epochs": 6},
    "query-rank-64": {"side": "query", "unnamed_weight": 1.0, "rank": 64, "alpha": 128},
    "query-warm": {"side": "query", "unnamed_weight": 1.0, "temperature": 0.03},
    "query-named": {"side": "query", "unnamed_weight": 0.0},
    "query-unnamed-10": {"side": "query", "unnamed_weight": 0.1},
}
TRAINED = ARMS | VARIANTS


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--sets", default="ecommerce,zh,legal,medical")
    parser.add_argument("--arms", default=",".join(ARMS))
    parser.add_argument("--seeds", default="0,1")
    parser.add_argument("--test", action="store_true", help="score the trained adapters that are there on test: once, when all is chosen")
    parser.add_argument(
        "--measure",
        help="in place of quality, one of bias, million, candidates, candidates-parts, approximate, profile, speed (query_side_measures.py)",
    )
    parser.add_argument("--speed-sets", default="ecommerce,medical,legal")
    options = parser.parse_args()
    if options.fold:
        CELLS.fold()
    if options.measure:
        CELLS.write(f"measure-{options.measure}", MEASURES[options.measure](options, CELLS, open_set))
        print(json.dumps(CELLS.read()[f"measure-{options.measure}"], indent=1))
        return
    if options.test:
        score_tests(options, CELLS, test_cell)
    elif not (options.report or options.fold):
        cells = [("base", 0), *((arm, int(seed)) for seed in options.seeds.split(",") for arm in options.arms.split(","))]
        for arm, seed in cells:
            for name in options.sets.split(","):
                run_cell(options, name, arm, seed)
    report(options)


@dataclass(frozen=True)
class Opened:
    """A set with its base: what is trained on, what is scored."""

    base: Base
    train: TrainingData
    dev: Pairs
    passages: dict[str, str]
    general: SentencePairs


def open_set(options: argparse.Namespace, name: str) -> Opened:
    chosen = SETS[name]
    source = BeirFolder(options.shared / "data" / chosen.data)
    corpus = source.corpus()
    dev = source.pairs("dev", corpus)
    train = draw_queries(source.pairs("train", corpus), TRAIN_QUERIES, 0)
    spec = resolve_base(str(options.shared / "bases" / chosen.base), options=BaseOptions(settings_of=chosen.base_as))
    return Opened(
        base=load_base(spec),
        train=TrainingData(corpus=corpus, train=train, dev=None, source=chosen.data),
        dev=dev,
        passages=draw_passages(dev, corpus, MAX_DISTRACTORS, 0),
        general=read_sentence_pairs(sentence_pairs_file(options.shared / "data" / "general-stsb", split="dev", language=chosen.lang)),
    )


def run_cell(options: argparse.Namespace, name: str, arm: str, seed: int) -> None:
    key = f"{name}-{arm}-{seed}"
    if key in CELLS.read():
        return
    print(key, flush=True)
    data = open_set(options, name)
    config = config_from({"seed": seed} | TRAINED.get(arm, {}))
    corpus = None if arm in ("base", "both") else open_corpus(data.base, data.train, config, corpus_vectors(data, config, name))
    started = time.monotonic()
    encoder, losses = dev_encoder(data.base, config), []
    if arm != "base":
        result = train_adapter(data.base, data.train, config, corpus=corpus)
        encoder, losses = replace(encoder, factors=result.factors, document_factors=document_factors_of(config.side)), result.losses
        save_factors(result.factors, CELLS.runs / f"{key}.safetensors")
    seconds, trained_on = time.monotonic() - started, data.train.train.passage_ids()
    cell = {
        "settings": TRAINED.get(arm, {}),
        "precision": encoder.computes_in,
        "threads": torch.get_num_threads(),
        "train_queries": len(data.train.train),
        "train_s": round(seconds, 1),
        "losses": [round(loss, 5) for loss in losses],
        "trained_on": sorted(qid for qid, passages in data.dev.positives.items() if not trained_on.isdisjoint(passages)),
    }
    CELLS.write(key, cell | score(data, encoder))


def corpus_vectors(data: Opened, config: TrainConfig, name: str) -> HeldVectors:
    """Embed a set's corpus, or read what an earlier cell embedded."""
    path: Path = CELLS.runs / f"{name}.npy"
    if not path.exists():
        started = time.monotonic()
        vectors = corpus_encoder(data.base, config).encode(list(data.train.corpus.values()), "document").vectors
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, vectors)
        CELLS.write(f"{name}-corpus", {"passages": len(vectors), "embed_s": round(time.monotonic() - started, 1)})
    return HeldVectors((torch.from_numpy(np.load(path)),), path.stem)


def save_factors(factors: LoraFactors, path: Path) -> None:
    save_file({f"{name}/{part}": getattr(module, part).contiguous() for name, module in factors.items() for part in ("a", "b")}, path)


def load_factors(path: Path, scale: float) -> LoraFactors:
    tensors = load_file(path)
    names = [key.removesuffix("/a") for key in tensors if key.endswith("/a")]
    return {name: LoraModule(tensors[f"{name}/a"], tensors[f"{name}/b"], scale) for name in names}


def score_tests(options: argparse.Namespace, cells: Cells, score_one: Callable[[argparse.Namespace, str, str, Path | None], dict]) -> None:
    """Score the base and the adapters that are kept in the work folder on test, one cell each; `score_one` is given set, arm and file."""
    for name in options.sets.split(","):
        kept = [
            (arm, int(seed), cells.runs / f"{name}-{arm}-{seed}.safetensors")
            for seed in options.seeds.split(",")
            for arm in options.arms.split(",")
        ]
        trained = [(arm, seed, path) for arm, seed, path in kept if path.exists()]
        for arm, seed, path in [("base", 0, None), *trained]:
            key = f"test-{name}-{arm}-{seed}"
            if key not in cells.read():
                print(key, flush=True)
                cells.write(key, score_one(options, name, arm, path))


def test_cell(options: argparse.Namespace, name: str, arm: str, path: Path | None) -> dict:
    config = config_from({} | TRAINED.get(arm, {}))
    factors = None if path is None else load_factors(path, config.alpha / config.rank)
    documents = CELLS.runs / f"{name}.npy"
    are_there = (arm == "base" or config.side == "query") and documents.exists()
    return score_on_test(options, name, config, factors, np.load(documents) if are_there else None)


def score_on_test(
    options: argparse.Namespace, name: str, config: TrainConfig, factors: LoraFactors | None, passages: np.ndarray | None = None
) -> dict:
    """Score factors, or the base, on a set's test split over its whole corpus, whose vectors may be there."""
    data, split = open_set(options, name), SETS[name].split
    source = BeirFolder(options.shared / "data" / SETS[name].data)
    corpus = source.corpus()
    test, encoder = source.pairs(split, corpus), dev_encoder(data.base, config)
    if factors is not None:
        encoder = replace(encoder, factors=factors, document_factors=document_factors_of(config.side))
    if passages is None:
        passages = encoder.encode(list(corpus.values()), "document").vectors
    queries = encoder.encode(list(test.queries.values()), "query").vectors
    scores = NDCG_10.by_query(queries, passages, list(test.queries), list(corpus), test.positives)
    return {"split": split, "precision": encoder.computes_in, "per_query": {qid: round(value, 6) for qid, value in scores.items()}}


def report_tests(every: dict[str, dict], name: str) -> None:
    """Print the test scores of a set: of the seeds that all arms have, and the share of both's gain with a 95 % interval."""
    cells = {arm: seeds_of(every, f"test-{name}", arm) for arm in ("base", *TRAINED)}
    seeds = sorted(cells["both"].keys() & cells["query"].keys())
    if not (seeds and cells["base"]):
        return
    arms = [arm for arm in TRAINED if set(seeds) <= cells[arm].keys()]
    of_arm = {arm: average([cells[arm][seed]["per_query"] for seed in seeds]) for arm in arms}
    base = cells["base"][0]["per_query"]
    shares = {arm: (mean(of_arm[arm]) - mean(base)) / (mean(of_arm["both"]) - mean(base)) for arm in arms}
    parts = [
        f"{arm} {mean(of_arm[arm]):.4f} ({shares[arm]:.0%} of both's gain; against both {difference(of_arm[arm], of_arm['both'])})"
        for arm in arms
    ]
    print(f"  {cells['base'][0]['split']}, {len(base)} queries, seeds {seeds}: base {mean(base):.4f}; " + "; ".join(parts))


def score(data: Opened, encoder: LoraEncoder) -> dict:
    first, second = (encoder.encode(texts, "document").vectors for texts in (data.general.first, data.general.second))
    queries = encoder.encode(list(data.dev.queries.values()), "query").vectors
    documents = encoder.encode(list(data.passages.values()), "document").vectors
    scores = NDCG_10.by_query(queries, documents, list(data.dev.queries), list(data.passages), data.dev.positives)
    return {
        "per_query": {qid: round(value, 6) for qid, value in scores.items()},
        "sts": round(spearman((first * second).sum(axis=1), np.asarray(data.general.scores)), 5),
    }


def report(options: argparse.Namespace) -> None:
    every = CELLS.read()
    for name in options.sets.split(","):
        cells = {arm: runs for arm in ("base", *TRAINED) if (runs := seeds_of(every, name, arm))}
        if "base" not in cells:
            continue
        base = average([run["per_query"] for run in cells["base"].values()])
        print(f"{name} ({SETS[name].data}): base {mean(base):.4f}, STS {cells['base'][0]['sts']:.4f}")
        for arm in cells.keys() - {"base"}:
            print(f"  {arm}: {describe(cells, arm, base)}")
        report_tests(every, name)


def seeds_of(every: dict[str, dict], name: str, arm: str) -> dict[int, dict]:
    """Return the cells of a set and an arm by seed."""
    prefix = f"{name}-{arm}-"
    return {
        int(key.removeprefix(prefix)): cell for key, cell in every.items() if key.startswith(prefix) and key.removeprefix(prefix).isdigit()
    }


def describe(cells: dict[str, dict[int, dict]], arm: str, base: dict[str, float]) -> str:
    runs = cells[arm]
    shared = sorted(runs.keys() & cells.get("both", {}).keys())
    ours = average([run["per_query"] for run in runs.values()])
    each = ", ".join(f"{mean(run['per_query']):.4f}" for run in runs.values())
    parts = [f"{mean(ours):.4f} ({each})", f"gain {mean(ours) - mean(base):+.4f}"]
    if shared and arm != "both":
        mine, theirs = (average([cells[which][seed]["per_query"] for seed in shared]) for which in (arm, "both"))
        share = (mean(mine) - mean(base)) / (mean(theirs) - mean(base))
        parts.append(f"against both {difference(mine, theirs)}, {share:.0%} of its gain")
    known = next(iter(runs.values()))["trained_on"]
    for what, ids in (("trained-on", known), ("others", sorted(ours.keys() - known))):
        if ids:
            parts.append(f"{len(ids)} {what} {sum(ours[qid] - base[qid] for qid in ids) / len(ids):+.4f}")
    parts.append(f"STS {sum(run['sts'] for run in runs.values()) / len(runs):.4f}")
    parts.append(f"{sum(run['train_s'] for run in runs.values()) / len(runs) / 60:.1f} min")
    return "; ".join(parts)


if __name__ == "__main__":
    main()
