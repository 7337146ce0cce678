"""Does an adapter gain by starting from one that was pretrained on the corpus's text? One pretraining a set and objective, one training an arm and seed, scored on dev.

    python benchmarks/pretraining.py --shared ../shared [--sets legal] [--arms plain,mlm] [--seeds 0]

Small on purpose: 32 tokens a text in all of it, fp32. Pretraining: 200 steps of 16 pieces, all else by default, on the set's corpus. Training: 1,000 queries (drawn with
seed 0), one epoch, one positive of a query in a batch, all else by default; `plain` from fresh factors, `mlm` and `tsdae` from the pretrained ones. The last state is scored: nDCG@10 of all dev queries
over the dev positives and 300 other passages; `start-...` are the pretrained factors themselves, and `base` the base. Test splits are never read.
Cells are kept one by one (cells.py), so that a run that was stopped goes on where it was; pretraining itself goes on from its state. `--report` prints the table: the
difference to `plain`, with its 95 % interval (paired bootstrap over queries).
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path

import torch
from adapt_embed.adapters.checkpoint import Checkpoint
from adapt_embed.adapters.config import config_from
from adapt_embed.adapters.evaluation import dev_encoder
from adapt_embed.adapters.pretraining.config import pretrain_config_from
from adapt_embed.adapters.pretraining.run import make_texts, pretrain_adapter
from adapt_embed.adapters.train import train_adapter
from adapt_embed.base import load_base, resolve_base
from adapt_embed.base.load import Base
from adapt_embed.data.beir import BeirFolder
from adapt_embed.data.pairs import Corpus, Pairs, TrainingData, draw_passages, draw_queries
from adapt_embed.data.unlabelled import take_texts
from adapt_embed.data.words import terms_of
from adapt_embed.lora import LoraFactors
from adapt_embed.metrics import NDCG_10
from cells import Cells, make_parser
from query_side import load_factors, save_factors
from train_quality import SETS, difference, mean

CELLS = Cells("pretraining")
TRAIN_QUERIES, DISTRACTORS, TOKENS = 1000, 300, 32
TRAINED = {"epochs": 1, "max_tokens": TOKENS, "positives_per_query": 1, "precision": "fp32"}
PRETRAINED = {"steps": 200, "batch_size": 16, "max_tokens": TOKENS, "precision": "fp32", "texts": 5000, "held_out": 0.01}
OBJECTIVES = ("mlm", "tsdae")


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--sets", default="legal")
    parser.add_argument("--arms", default="plain,mlm", help="of plain, mlm, tsdae, start-mlm, start-tsdae, base")
    parser.add_argument("--seeds", default="0")
    options = parser.parse_args()
    if options.fold:
        CELLS.fold()
    if not (options.report or options.fold):
        for name in options.sets.split(","):
            for arm in options.arms.split(","):
                for seed in map(int, options.seeds.split(",")):
                    run_cell(options, name, arm, seed)
    report(options)


def run_cell(options: argparse.Namespace, name: str, arm: str, seed: int) -> None:
    key = f"{name}-{arm}-{seed}"
    if key in CELLS.read():
        return
    print(key, flush=True)
    source, chosen = BeirFolder(options.shared / "data" / SETS[name].data), SETS[name]
    corpus = source.corpus()
    base = load_base(resolve_base(str(options.shared / "bases" / chosen.base)))
    start = None if arm in ("plain", "base") else pretrained(name, arm.removeprefix("start-"), base, corpus)
    factors, facts = start, dict[str, object]()
    if arm != "base" and not arm.startswith("start-"):
        train = draw_queries(source.pairs("train", corpus), TRAIN_QUERIES, 0)
        data = TrainingData(corpus=corpus, train=train, dev=None, source=chosen.data)
        started = time.process_time()
        result = train_adapter(base, data, config_from(TRAINED | {"seed": seed}), start=start)
        factors, losses = result.factors, [round(loss, 5) for loss in result.losses]
        facts = {"train_cpu_s": round(time.process_time() - started, 1), "train_queries": len(train), "losses": losses}
    CELLS.write(key, facts | {"threads": torch.get_num_threads()} | score(base, factors, source.pairs("dev", corpus), corpus))


def pretrained(name: str, objective: str, base: Base, corpus: Corpus) -> LoraFactors:
    """Return the factors of a set's pretraining, which is done where it is not yet; its figures are a cell of their own."""
    key = f"pretrained-{name}-{objective}"
    path: Path = CELLS.runs / f"{key}.safetensors"
    config = pretrain_config_from(PRETRAINED | {"objective": objective})
    if not path.exists():
        print(key, flush=True)
        texts = take_texts(corpus.values(), most=config.texts, held_out=config.held_out, seed=config.seed)
        cut, started = make_texts(base, texts, config, terms_of(())), time.process_time()
        checkpoint = Checkpoint(CELLS.runs / key)
        result = pretrain_adapter(base, cut, config, checkpoint=checkpoint, resume=True, on_step=tell)
        cell = {
            "texts": len(texts.train),
            "held_out": len(texts.held_out),
            "pieces": len(cut.train.texts),
            "steps": result.run.steps,
            "head_steps": result.head_steps,
            "cpu_s_since_resumed": round(time.process_time() - started, 1),
            "measured": [[each.step, round(each.score, 5)] for each in result.run.evaluations],
        }
        CELLS.write(key, cell)
        path.parent.mkdir(parents=True, exist_ok=True)
        save_factors(result.run.factors, path)
        checkpoint.discard()
    return load_factors(path, config.alpha / config.rank)


def tell(at) -> None:  # type: ignore[no-untyped-def]
    if at.step % 20 == 0:
        print(f"  step {at.step}: loss {at.loss:.3f}, held out {at.dev:.4f}", flush=True)


def score(base: Base, factors: LoraFactors | None, dev: Pairs, corpus: Corpus) -> dict:
    encoder = replace(dev_encoder(base, config_from(TRAINED)), factors=factors)
    passages = draw_passages(dev, corpus, DISTRACTORS, 0)
    queries = encoder.encode(list(dev.queries.values()), "query").vectors
    documents = encoder.encode(list(passages.values()), "document").vectors
    scores = NDCG_10.by_query(queries, documents, list(dev.queries), list(passages), dev.positives)
    return {"passages": len(passages), "per_query": {qid: round(value, 6) for qid, value in scores.items()}}


def report(options: argparse.Namespace) -> None:
    every = CELLS.read()
    for name in options.sets.split(","):
        for objective in OBJECTIVES:
            if cell := every.get(f"pretrained-{name}-{objective}"):
                before = [loss for step, loss in cell["measured"] if step <= cell["head_steps"]][-1]
                least = min(loss for _, loss in cell["measured"])
                print(f"{name}, {objective}: held-out loss {cell['measured'][0][1]:.3f}, with a head {before:.3f}, at the end {least:.3f}")
        for key, cell in every.items():
            if not key.startswith(f"{name}-"):
                continue
            plain = every.get(f"{name}-plain-{key.rsplit('-', 1)[1]}", cell)
            against = "" if plain is cell else f"; against plain {difference(cell['per_query'], plain['per_query'])}"
            print(f"  {key}: {mean(cell['per_query']):.4f}{against}")


if __name__ == "__main__":
    main()
