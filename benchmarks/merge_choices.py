"""Which method should `adapt merge a b` take by default? Every method on the samples' dev queries, over bases, languages and seeds.

    python benchmarks/merge_choices.py --shared ../shared --bases minilm,bge-small-en,bge-small-zh --seeds 0,1
    python benchmarks/merge_choices.py --report

Per base and seed one adapter is trained on each domain's sample; then all pairs of them and all three are merged by every method at its defaults, weights 1/n.
Score: nDCG@10 of the samples' dev queries over their corpora (at most 500 passages beside the positives), and the Spearman correlation on 500 dev pairs of STS-B.
One cell per base and seed, kept row by row (cells.py). Test splits are never read.
"""

from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from statistics import fmean

from adapt_embed.adapters.after.grams import GramRequest, measure_grams
from adapt_embed.adapters.config import TrainConfig
from adapt_embed.adapters.train import train_adapter
from adapt_embed.base.load import Base, load_base
from adapt_embed.base.resolve import BaseOptions, resolve_base
from adapt_embed.data.domains import load_domain
from adapt_embed.data.sentence_pairs import draw_sentence_pairs, read_sentence_pairs, sentence_pairs_file
from adapt_embed.data.sources import load_dev_data, load_training_data
from adapt_embed.encoders import LoraEncoder
from adapt_embed.lora import LoraFactors
from adapt_embed.merge import METHODS, MergeConfig, merge_factors
from adapt_embed.merge.search import Probe, draw_task, encoders_over
from adapt_embed.registry.search_file import Measurement
from cells import Cells, make_parser
from merge_quality import DOMAINS, LEFT_OUT, STS_PAIRS
from torch import Tensor

CELLS = Cells("merge_choices")
BASES = {
    "minilm": ("en", None, None),
    "bge-small-en": ("en", "bge-small-en-v1.5", "bge-small-en"),
    "bge-small-zh": ("zh", "bge-small-zh-v1.5-int8", "bge-small-zh"),
}
"""Name -> language, folder under shared/bases (None: the embedded base), the known base whose pooling and instruction it has."""
GROUPS = [group for count in (2, 3) for group in combinations(DOMAINS, count)]
MERGES = {f"{method}: {', '.join(group)}": (method, group) for group in GROUPS for method in METHODS if method not in LEFT_OUT}
"""Row of a cell -> method, and the domains of the parents."""


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--bases", default=",".join(BASES))
    parser.add_argument("--seeds", default="0")
    options = parser.parse_args()
    if options.fold:
        CELLS.fold()
    if not (options.report or options.fold):
        for seed in map(int, options.seeds.split(",")):
            for name in options.bases.split(","):
                run_cell(options.shared, name, seed)
    report()


def run_cell(shared: Path, name: str, seed: int) -> None:
    """Fill in the rows that a cell lacks; the adapters, the same for the same seed, are trained again for that."""
    cell, language = f"{name}-{seed}", BASES[name][0]
    found = CELLS.read().get(cell, {})
    missing = [row for row in ("base", *DOMAINS, *MERGES) if row not in found]
    if not missing:
        return
    print(cell, flush=True)
    adapters = {domain: train(open_base(shared, name), domain, language, seed) for domain in DOMAINS}
    pairs = read_sentence_pairs(sentence_pairs_file(shared / "data" / "general-stsb", split="dev", language=language))
    tasks = [draw_task(*load_dev_data(domain, lang=language)) for domain in DOMAINS]
    probe = Probe(encoders_over(LoraEncoder(open_base(shared, name), precision="fp32")), tasks, draw_sentence_pairs(pairs, STS_PAIRS, 0))
    for row in missing:
        if row in MERGES:
            method, group = MERGES[row]
            chosen = [adapters[domain] for domain in group]
            grams = [each.grams for each in chosen] if METHODS[method].needs_gram else None
            factors = merge_factors([each.factors for each in chosen], MergeConfig(method=method), grams).factors
        else:
            factors = adapters[row].factors if row in adapters else {}
        found[row] = scores(probe.measure(factors))
        print(row, found[row], flush=True)
        CELLS.write(cell, found)


@dataclass(frozen=True)
class Adapter:
    """Trained factors, and the Gram matrices that `--gram-rank 64` keeps."""

    factors: LoraFactors
    grams: dict[str, Tensor]


def open_base(shared: Path, name: str) -> Base:
    _, folder, base_as = BASES[name]
    reference = "minilm" if folder is None else str(shared / "bases" / folder)
    return load_base(resolve_base(reference, options=BaseOptions(settings_of=base_as)))


def train(base: Base, domain: str, language: str, seed: int) -> Adapter:
    data = load_training_data("sample", domain=load_domain(domain), lang=language, seed=seed)
    config = TrainConfig(seed=seed, precision="fp32")
    factors = train_adapter(base, data, config).factors
    grams = measure_grams(base, factors, data, config, GramRequest(rank=64))
    return Adapter(factors, {name: gram.dense() for name, gram in grams.stored.items()})


def scores(measured: Measurement) -> dict[str, float]:
    return {name: round(value, 5) for name, value in (measured.ndcg | {"general": measured.general}).items()}


def report() -> None:
    """Print per method, as means over cells and groups of parents: nDCG@10, the share of the parents' gains that is kept, and the change of STS."""
    cells = CELLS.read()
    for title, chosen in [*((stem, {stem: cell}) for stem, cell in cells.items()), ("all", cells)]:
        print(f"{title}\n| method | two: nDCG@10 | kept | STS | three: nDCG@10 | kept | STS |\n|---|---|---|---|---|---|---|")
        for method in METHODS:
            rows = {count: [row for row, (name, group) in MERGES.items() if (name, len(group)) == (method, count)] for count in (2, 3)}
            found = [[figures(cell, row) for cell in chosen.values() for row in rows[count] if row in cell] for count in (2, 3)]
            if all(found):
                numbers = [f"{fmean(each[key] for each in group):{form}}" for group in found for key, form in FORMS.items()]
                print(f"| {method} | {' | '.join(numbers)} |")


FORMS = {"ndcg": ".4f", "kept": ".0%", "general": "+.4f"}


def figures(cell: dict, row: str) -> dict[str, float]:
    """Return the figures of one merge, on the domains of its parents."""
    _, parents = MERGES[row]
    gain = sum(cell[row][domain] - cell["base"][domain] for domain in parents)
    own = sum(cell[domain][domain] - cell["base"][domain] for domain in parents)
    return {
        "ndcg": fmean(cell[row][domain] for domain in parents),
        "kept": gain / own,
        "general": cell[row]["general"] - cell["base"]["general"],
    }


if __name__ == "__main__":
    main()
