"""Which settings of training are better on dev? One cell per set, choice and seed; `--against` is what the others are compared with.

    python benchmarks/train_choices.py --shared ../shared --sets ecommerce,legal,zh --choices default,corpus-32 --seeds 0,1 [--epochs 2] [--held-out] [--wide] [--scaled] [--device cuda]

2,000 training queries (seed 0); nDCG@10 of all dev queries over the dev positives and 2,000 other passages, and Spearman's correlation on the dev pairs of STS-B,
at the tokens and the precision of training, of the last state.
With `--held-out`, training queries that share a positive with dev are left out: a dev split that shares positives with the training split rewards memorising them,
which new documents do not. With `--wide`, the training queries that were not drawn are dev queries too, at most `WIDE` of them.
With `--scaled`, each cell also scores the adapter scaled by `SCALES` (0: the base), that is merged back with the base.
The choice `peer` is sentence-transformers + peft on the same pairs and epochs; it is not scaled.
Cells are kept one by one (cells.py), so that a run that was stopped goes on where it was. `--report` prints what is there:
the difference to `--against`, seed by seed, with its 95 % interval (paired bootstrap over queries of the mean over seeds), and separately for the dev queries
that a passage answers which was trained on. Test splits are never read.
"""

import argparse
import tempfile
import time
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
from adapt_embed.adapters.config import TrainConfig
from adapt_embed.base.load import Base
from adapt_embed.data.pairs import TrainingData
from adapt_embed.encoders import LoraEncoder
from adapt_embed.encoders.forward import choose_device
from cells import Cells, make_parser
from train_quality import ARMS, SETS, SETTINGS, TRAIN_QUERIES, average, difference, mean

CELLS = Cells("train_choices")
CHOICES: dict[str, dict[str, object]] = {
    "default": {},
    "corrected": ARMS["corrected"],
    "lora-dropout": {"dropout": 0.05},
    "symmetric": {"loss": "symmetric_infonce"},
    "corpus-16": {"corpus_negatives": 16},
    "corpus-32": ARMS["corpus-32"],
    "corpus-64": {"corpus_negatives": 64},
    "slower": {"learning_rate": 2e-4},
    "rather-slower": {"learning_rate": 3e-4},
    "faster": {"learning_rate": 1e-3},
    "warm": {"temperature": 0.03},
    "warmer": {"temperature": 0.05},
    "sharper": {"temperature": 0.01},
    "larger-batch": {"batch_size": 64},
    "smaller-batch": {"batch_size": 16},
    "rank-48": {"rank": 48},
    "peer": {},
}
SCALES = (0.0, 0.5, 0.75)
WIDE = 1500


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--sets", default="ecommerce,legal,zh")
    parser.add_argument("--choices", default=",".join(CHOICES))
    parser.add_argument("--against", default="default")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--precision", default="fp32", choices=("fp32", "bf16"))
    for flag in ("--held-out", "--wide", "--scaled"):
        parser.add_argument(flag, action="store_true")
    parser.add_argument(
        "--device", choices=("cpu", "cuda"), default=choose_device().type, help="a GPU has cells of its own [default: the best one here]"
    )
    options = parser.parse_args()
    if options.fold:
        CELLS.fold()
    if not (options.report or options.fold):
        for seed in map(int, options.seeds.split(",")):
            for choice in options.choices.split(","):
                for name in options.sets.split(","):
                    run_cell(options, name, choice, seed)
    report(options)


def cell_name(options: argparse.Namespace, name: str, choice: str, seed: int | str) -> str:
    marks = [
        mark
        for mark, holds in (
            ("held-out", options.held_out),
            ("wide", options.wide),
            ("bf16", options.precision == "bf16"),
            ("cuda", options.device == "cuda"),
        )
        if holds
    ]
    return "-".join([f"{name}-{choice}-{seed}-{options.epochs}", *marks])


def run_cell(options: argparse.Namespace, name: str, choice: str, seed: int) -> None:
    from adapt_embed.adapters.config import config_from
    from adapt_embed.base.load import load_base
    from adapt_embed.base.resolve import BaseOptions, resolve_base
    from adapt_embed.data.beir import BeirFolder
    from adapt_embed.data.dev_set import MAX_DISTRACTORS
    from adapt_embed.data.pairs import Pairs, draw_passages, draw_queries
    from adapt_embed.data.sentence_pairs import read_sentence_pairs, sentence_pairs_file
    from adapt_embed.label_metrics import spearman
    from adapt_embed.metrics import NDCG_10

    key, chosen = cell_name(options, name, choice, seed), SETS[name]
    if key in CELLS.read():
        return
    print(key, flush=True)
    source = BeirFolder(options.shared / "data" / chosen.data)
    corpus = source.corpus()
    pairs, dev = source.pairs("train", corpus), source.pairs("dev", corpus)
    train = draw_queries(pairs, TRAIN_QUERIES, 0)
    if options.wide:
        rest = draw_queries(pairs.select(sorted(pairs.queries.keys() - train.queries.keys())), WIDE, 0)
        dev = Pairs(dev.queries | rest.queries, dev.positives | rest.positives)
    if options.held_out:
        known = dev.passage_ids()
        train = train.select(qid for qid, positives in train.positives.items() if known.isdisjoint(positives))
    passages = draw_passages(dev, corpus, MAX_DISTRACTORS, 0)
    general = read_sentence_pairs(sentence_pairs_file(options.shared / "data" / "general-stsb", split="dev", language=chosen.lang))
    spec = resolve_base(str(options.shared / "bases" / chosen.base), options=BaseOptions(settings_of=chosen.base_as))
    base = load_base(spec, device=options.device)
    config = config_from({"epochs": options.epochs, "precision": options.precision, "seed": seed} | CHOICES[choice])
    started = time.monotonic()
    train_one = train_peer if choice == "peer" else train_ours
    encoder, losses = train_one(base, TrainingData(corpus=corpus, train=train, dev=None, source=chosen.data), config)
    seconds, trained_on = time.monotonic() - started, train.passage_ids()

    def score(encoder: LoraEncoder) -> dict:
        first, second = (encoder.encode(texts, "document").vectors for texts in (general.first, general.second))
        queries = encoder.encode(list(dev.queries.values()), "query").vectors
        documents = encoder.encode(list(passages.values()), "document").vectors
        scores = NDCG_10.by_query(queries, documents, list(dev.queries), list(passages), dev.positives)
        return {
            "per_query": {qid: round(value, 6) for qid, value in scores.items()},
            "sts": round(spearman((first * second).sum(axis=1), np.asarray(general.scores)), 5),
        }

    cell = {
        "settings": CHOICES[choice],
        "train_queries": len(train),
        "losses": [round(loss, 5) for loss in losses],
        "train_s": round(seconds, 1),
        "trained_on": sorted(qid for qid, passages in dev.positives.items() if not trained_on.isdisjoint(passages)),
        "scaled": {},
    } | score(encoder)
    for scale in SCALES if options.scaled and choice != "peer" else ():
        cell["scaled"][str(scale)] = score(at_scale(encoder, scale))
    CELLS.write(key, cell)


def train_ours(base: Base, data: TrainingData, config: TrainConfig) -> tuple[LoraEncoder, list[float]]:
    from adapt_embed.adapters.evaluation import dev_encoder
    from adapt_embed.adapters.train import train_adapter

    result = train_adapter(base, data, config)
    return replace(dev_encoder(base, config), factors=result.factors), result.losses


def train_peer(base: Base, data: TrainingData, config: TrainConfig) -> tuple[LoraEncoder, list[float]]:
    from adapt_embed.lora import read_lora
    from peer_sentence_transformers import train

    assert base.spec.alias is not None
    settings = {name: getattr(config, name) for name in SETTINGS}
    with tempfile.TemporaryDirectory() as folder:
        train(
            base.spec.folder, base.spec.alias, data.corpus, data.train, Path(folder), config.seed, settings, config.precision, base.device
        )
        factors = read_lora(Path(folder))
    return LoraEncoder(base, factors, precision=config.precision, max_tokens=config.max_tokens), []


def at_scale(encoder: LoraEncoder, scale: float) -> LoraEncoder:
    """Return the encoder with every trained update multiplied."""
    factors = {name: replace(module, scale=module.scale * scale) for name, module in (encoder.factors or {}).items()}
    return replace(encoder, factors=factors)


def report(options: argparse.Namespace) -> None:
    for name in options.sets.split(","):
        cells = read_cells(options, name)
        for choice, runs in cells.items():
            shared = sorted(runs.keys() & cells.get(options.against, {}).keys())
            if not shared:
                continue
            ours, theirs = (average([group[seed]["per_query"] for seed in shared]) for group in (runs, cells[options.against]))
            each = ", ".join(f"{mean(runs[seed]['per_query']):.4f}" for seed in shared)
            minutes = sum(runs[seed]["train_s"] for seed in shared) / len(shared) / 60
            general = [runs[seed]["sts"] for seed in shared if "sts" in runs[seed]]
            print(
                f"{name} {choice} (seeds {','.join(map(str, shared))}): {mean_and_difference(ours, theirs)}; {minutes:.1f} min; each {each}"
                + (f"; STS {sum(general) / len(general):.4f}" if general else "")
            )
            if known := runs[shared[0]].get("trained_on"):
                for what, ids in (("trained-on passages", known), ("others", sorted(ours.keys() - known))):
                    print(
                        f"  {len(ids)} queries that are answered by {what}: {mean_and_difference(*({qid: all_[qid] for qid in ids} for all_ in (ours, theirs)))}"
                    )


def mean_and_difference(ours: dict[str, float], theirs: dict[str, float]) -> str:
    return f"{mean(ours):.4f}, {difference(ours, theirs)}"


def read_cells(options: argparse.Namespace, name: str) -> dict[str, dict[int, dict]]:
    """Read the cells of a set: choice -> seed -> cell; each scale of a choice is a row of its own."""
    rows: dict[str, dict[int, dict]] = {}
    every = CELLS.read()
    for choice in CHOICES:
        pattern = cell_name(options, name, choice, "[0-9]*")
        for key, cell in every.items():
            if not fnmatchcase(key, pattern):
                continue
            seed = int(key.removeprefix(f"{name}-{choice}-").split("-")[0])
            rows.setdefault(choice, {})[seed] = cell
            for scale, scores in cell.get("scaled", {}).items():
                rows.setdefault(f"{choice} x {scale}", {})[seed] = cell | scores
    return rows


if __name__ == "__main__":
    main()
