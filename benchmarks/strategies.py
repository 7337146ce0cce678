"""What does each strategy, and each loss, gain and forget, at what size and time? Quality on dev, one cell per set, arm and seed.

    python benchmarks/strategies.py --shared ../shared [--sets ecommerce,legal] [--arms lora,last-4,...] [--seeds 0,1]

1,000 training queries (seed 0), 3 epochs, batch 32, 256 tokens, the machine's precision; the last state is scored, in the form in which it is kept:
nDCG@10 of all dev queries over the dev positives and 2,000 other passages, and Spearman's correlation on the dev pairs of STS-B, both sides as documents.
An arm whose weights are trained (`full-*`, `partial`, `layerwise`, `bitfit`) is scored as a whole model, and from the same training in the forms of KEPT: as
factors of the difference. `--report` prints, for each arm, the share of full fine-tuning's gain (the arm `full-*` that is best on dev with seed 0, as a whole model),
with 95 % intervals (paired bootstrap over queries of the mean over seeds), parameters, bytes, seconds. The arms of LOSSES are other losses with `lora`;
those of FORGETTING are trained on 2,000 queries, and are compared with `more-lora`.
Cells are kept one by one (cells.py), so that a run that was stopped goes on where it was. `--test` scores the arms that are kept in the work folder on test.
"""

import argparse
import time
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from adapt_embed.adapters.config import TrainConfig, config_from
from adapt_embed.adapters.corpus.open import corpus_encoder, open_corpus
from adapt_embed.adapters.evaluation import dev_encoder
from adapt_embed.adapters.strategies.differences import changed_norms, differences_as_factors, kept_norms, rounded
from adapt_embed.adapters.strategies.table import open_strategy
from adapt_embed.adapters.strategies.trained import ModelWeights, Trained
from adapt_embed.adapters.strategies.weights import linear_weights
from adapt_embed.adapters.train import train_adapter
from adapt_embed.data.pairs import draw_queries
from adapt_embed.encoders.lora import document_factors_of
from adapt_embed.lora import KeptEnergy, LoraFactors, LoraModule, is_bias
from cells import Cells, make_parser
from query_side import Opened, corpus_vectors, load_factors, open_set, save_factors, score, score_on_test, score_tests, seeds_of
from train_quality import SETS, average, difference, mean

CELLS = Cells("strategies")
TRAIN_QUERIES, MORE_QUERIES = 1000, 2000
STRATEGIES: dict[str, dict[str, object]] = {
    "lora": {},
    "lora-query": {"side": "query"},
    "lora-last-4": {"layers": "last:4"},
    "lora-rslora": {"rslora": True},
    "lora-pissa": {"init": "pissa"},
    "lora-dora": {"dora": True},
    "full-3e-5": {"strategy": "full", "keep": "model", "learning_rate": 3e-5},
    "full-1e-4": {"strategy": "full", "keep": "model", "learning_rate": 1e-4},
    "full-2e-4": {"strategy": "full", "keep": "model", "learning_rate": 2e-4},
    "partial": {"strategy": "partial", "keep": "model"},
    "layerwise": {"strategy": "layerwise", "keep": "model"},
    "bitfit": {"strategy": "bitfit", "keep": "model"},
}
LOSSES: dict[str, dict[str, object]] = {
    "loss-symmetric": {"loss": "symmetric_infonce"},
    "loss-gist": {"loss": "gist", "guide": "base"},
    "loss-triplet-hard": {"loss": "triplet_hard"},
    "loss-semi-hard": {"loss": "triplet_semi_hard"},
    "loss-anchor-1": {"anchor": 1.0},
    "loss-anchor-10": {"anchor": 10.0},
    "loss-matryoshka": {"dims": "64,128,256,384"},
}
FORGETTING: dict[str, dict[str, object]] = {
    "more-lora": {},
    "more-gist": {"loss": "gist", "guide": "base"},
    "more-anchor-0.1": {"anchor": 0.1},
    "more-anchor-1": {"anchor": 1.0},
    "more-anchor-3": {"anchor": 3.0},
    "more-anchor-10": {"anchor": 10.0},
}
"""Trained on MORE_QUERIES, where `lora` forgets more."""
ARMS = STRATEGIES | LOSSES | FORGETTING
KEPT = (16, 64)
"""Ranks of the factors that trained weights are kept as."""
YARDSTICKS = ("full-3e-5", "full-1e-4", "full-2e-4")


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--sets", default="ecommerce,legal")
    parser.add_argument("--arms", default=",".join(ARMS))
    parser.add_argument("--seeds", default="0,1")
    parser.add_argument("--test", action="store_true", help="score the adapters that are there on test: once, when all is chosen")
    options = parser.parse_args()
    if options.fold:
        CELLS.fold()
    elif options.test:
        score_tests(options, CELLS, test_cell)
    elif not options.report:
        cells = [("base", 0), *((arm, int(seed)) for seed in options.seeds.split(",") for arm in options.arms.split(","))]
        for arm, seed in cells:
            for name in options.sets.split(","):
                run_cell(options, name, arm, seed)
    report(options)


def run_cell(options: argparse.Namespace, name: str, arm: str, seed: int) -> None:
    key = f"{name}-{arm}-{seed}"
    if key in CELLS.read():
        return
    print(key, flush=True)
    data = open_set(options, name)
    if arm == "base":
        CELLS.write(key, score(data, dev_encoder(data.base, config_from({}))))
        return
    queries, config = MORE_QUERIES if arm in FORGETTING else TRAIN_QUERIES, config_from({"seed": seed} | ARMS[arm])
    train = replace(data.train, train=draw_queries(data.train.train, queries, 0))
    vectors = corpus_vectors(data, config, name) if config.side == "query" else None
    corpus = None if vectors is None else open_corpus(data.base, train, config, vectors)
    plan, started = open_strategy(config).plan(data.base), time.monotonic()
    # The base itself is the only guide here; it is a copy, since the one that is trained changes.
    guide = corpus_encoder(open_set(options, name).base, config) if config.guide else None
    result = train_adapter(data.base, train, config, corpus=corpus, guide=guide)
    cell: dict[str, object] = {
        "settings": ARMS[arm],
        "threads": torch.get_num_threads(),
        "train_s": round(time.monotonic() - started, 1),
        "parameters": plan.parameters,
        "losses": [round(loss, 5) for loss in result.losses],
    }
    for form in forms(data, config, result.trained, plan.file_bytes):
        scored = score_trained(data, config, form.trained)
        CELLS.write(f"{name}-{arm}{form.ending}-{seed}", cell | {"bytes": form.file_bytes, "energy": form.energy} | scored)
        if not isinstance(form.trained, ModelWeights):
            without_scales = {name: LoraModule(module.a, module.b * module.scale, 1.0) for name, module in form.trained.items()}
            save_factors(without_scales, CELLS.runs / f"{name}-{arm}{form.ending}-{seed}.safetensors")


@dataclass(frozen=True)
class Form:
    """A form in which a training is kept: the ending of the cell's name, what is kept, its bytes, and the share of the changes' energy."""

    ending: str
    trained: Trained
    file_bytes: int
    energy: float = 1.0


def forms(data: Opened, config: TrainConfig, trained: Trained, file_bytes: int) -> list[Form]:
    """Return the forms that are scored; the whole model comes last, so that its cell ends the arm."""
    if not isinstance(trained, ModelWeights):
        return [Form("", open_strategy(config).as_read(trained), file_bytes)]
    own = {name: parameter.detach().cpu() for name, parameter in data.base.model.named_parameters()}
    differences = {name: (value - own[name]).float() for name, value in trained.parameters.items()}
    linears, changed = linear_weights(data.base), changed_norms(differences, data.base)
    kept = []
    for rank in KEPT if any(name in linears for name in differences) else KEPT[:1]:
        factors = rounded(differences_as_factors(differences, linears, rank), "fp16")
        energy = KeptEnergy(changed=changed, kept=kept_norms(factors)).share
        kept.append(Form(f"-r{rank}", factors, stored_bytes(factors), round(energy, 5)))
    return [*kept, Form("", trained, file_bytes)]


def stored_bytes(factors: LoraFactors) -> int:
    return sum(4 * module.b.numel() if is_bias(name) else 2 * (module.a.numel() + module.b.numel()) for name, module in factors.items())


def score_trained(data: Opened, config: TrainConfig, trained: Trained) -> dict:
    encoder = dev_encoder(data.base, config)
    if not isinstance(trained, ModelWeights):
        return score(data, replace(encoder, factors=trained, document_factors=document_factors_of(config.side)))
    own = {name: parameter.detach().clone() for name, parameter in data.base.model.named_parameters() if name in trained.parameters}
    try:
        set_parameters(data, trained.parameters)
        return score(data, encoder)
    finally:
        set_parameters(data, own)


@torch.no_grad()
def set_parameters(data: Opened, values: dict[str, torch.Tensor]) -> None:
    data.base.network.merge_weights(None, {})
    parameters = dict(data.base.model.named_parameters())
    for name, value in values.items():
        parameters[name].copy_(value)


def test_cell(options: argparse.Namespace, name: str, arm: str, path: Path | None) -> dict:
    return score_on_test(options, name, config_from(ARMS.get(arm, {})), None if path is None else load_factors(path, 1.0))


def report(options: argparse.Namespace) -> None:
    every = CELLS.read()
    for name in options.sets.split(","):
        arms = {arm: runs for arm in arms_of(every, name) if (runs := seeds_of(every, name, arm))}
        if "base" not in arms:
            continue
        base, sts = arms["base"][0]["per_query"], arms["base"][0]["sts"]
        print(f"{name} ({SETS[name].data}): base {mean(base):.4f}, STS {sts:.4f}")
        tried = [arm for arm in YARDSTICKS if 0 in arms.get(arm, {})]
        yardstick = max(tried, key=lambda arm: mean(arms[arm][0]["per_query"])) if tried else None
        for arm, runs in arms.items():
            if arm != "base":
                print(f"  {arm}: {describe(arm, runs, arms, base, sts, yardstick)}")


def arms_of(every: dict[str, dict], name: str) -> list[str]:
    """Return the arms of a set that have cells, in the order of the tables, each before its kept forms."""
    order = ["base", *(f"{arm}{ending}" for arm in ARMS for ending in ("", *(f"-r{rank}" for rank in KEPT)))]
    return [arm for arm in order if seeds_of(every, name, arm)]


def describe(
    arm: str, runs: dict[int, dict], arms: dict[str, dict[int, dict]], base: dict[str, float], sts: float, yardstick: str | None
) -> str:
    ours = average([run["per_query"] for run in runs.values()])
    parts = [f"{mean(ours):.4f}", f"seeds {sorted(runs)}", f"gain {difference(ours, base)}"]
    for what, other in (("full", None if arm in FORGETTING else yardstick), ("lora", "more-lora" if arm in FORGETTING else "lora")):
        shared = sorted(runs.keys() & arms.get(other or "", {}).keys())
        if shared and other != arm:
            mine, theirs = (average([arms[which][seed]["per_query"] for seed in shared]) for which in (arm, other or ""))
            share = (mean(mine) - mean(base)) / (mean(theirs) - mean(base))
            parts.append(f"against {what} ({other}) {difference(mine, theirs)}, {share:.0%} of its gain")
    one = next(iter(runs.values()))
    parts += [
        f"STS {sum(run['sts'] for run in runs.values()) / len(runs) - sts:+.4f}",
        f"{one['parameters']:,} parameters",
        f"{one['bytes'] / 1e6:.2f} MB",
    ]
    if one.get("energy", 1) < 1:
        parts.append(f"energy {one['energy']:.1%}")
    return "; ".join([*parts, f"{sum(run['train_s'] for run in runs.values()) / len(runs) / 60:.1f} min"])


if __name__ == "__main__":
    main()
