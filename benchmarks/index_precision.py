"""What nDCG loses when an index keeps its vectors in bfloat16 (or float16) and not in float32: the default of `adapt index build --vectors`.

    python benchmarks/index_precision.py                                  all sets
    python benchmarks/index_precision.py --sets ecommerce-hetpqa

The base's vectors of each corpus (computed once, in the user's cache) and of its dev queries; nDCG@10 of all dev queries over the whole
corpus. Only the stored vectors are rounded: products are in float32. `changed`: queries whose first ten rows differ, in whatever order.
`--report` prints the figures that are kept (cells.py).
"""

import json

import numpy as np
import torch
from adapt_embed.data.beir import BeirFolder
from adapt_embed.encoders import LoraEncoder
from adapt_embed.events import Quiet
from adapt_embed.index.corpus import corpus_vectors
from adapt_embed.index.search import best_rows
from adapt_embed.index.vectors import in_memory
from adapt_embed.metrics import NDCG_10
from adapt_embed.references import EncoderSettings, LoadedBases, Search, open_encoder, resolve_reference
from adapt_embed.registry import open_registry
from cells import Cells, make_parser

CELLS = Cells("index_precision")
SETS = ("legal-conditionalqa", "medical-medquad", "ecommerce-hetpqa", "legal-zh-stard")
BASES = {"en": "bge-small-en-v1.5", "zh": "bge-small-zh-v1.5-int8"}
FORMATS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class Printing(Quiet):
    """Prints notes."""

    def note(self, text: str) -> None:
        print(text, flush=True)


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--sets", default=",".join(SETS))
    options = parser.parse_args()
    if options.fold:
        CELLS.fold()
    if not (options.report or options.fold):
        for name in options.sets.split(","):
            base = options.shared / "bases" / BASES["zh" if "-zh-" in name else "en"]
            where = Search(registry=open_registry(), base=str(base))
            encoder = open_encoder(resolve_reference("base", where), LoadedBases(EncoderSettings(precision="fp32")))
            assert isinstance(encoder, LoraEncoder)
            CELLS.write(name, measure(BeirFolder(options.shared / "data" / name), encoder))
    print(json.dumps(CELLS.read(), indent=1))


def measure(folder: BeirFolder, encoder: LoraEncoder) -> dict:
    """Return the nDCG of each number format, and how many queries have other rows among the first ten."""
    corpus = folder.corpus()
    pairs = folder.pairs("dev", corpus)
    stored = corpus_vectors(encoder, list(corpus.values()), Printing())
    queries = encoder.encode(list(pairs.queries.values()), "query").vectors
    whole = stored.rows(range(stored.count))
    exact = top_ten(queries, whole)
    found: dict = {"passages": stored.count, "queries": len(queries), "nDCG@10": {}, "changed": {}, "largest": {}}
    for name, dtype in FORMATS.items():
        rounded = whole.to(dtype).float()
        by_query = NDCG_10.by_query(queries, rounded.numpy(), list(pairs.queries), list(corpus), pairs.positives)
        found["nDCG@10"][name] = float(np.mean(list(by_query.values())))
        found["changed"][name] = sum(set(one) != set(other) for one, other in zip(exact, top_ten(queries, rounded), strict=True))
        found["largest"][name] = float(np.abs(queries @ (rounded - whole).numpy().T).max())
    return found


def top_ten(queries: np.ndarray, vectors: torch.Tensor) -> list[list[int]]:
    return best_rows(torch.from_numpy(queries), in_memory(vectors, ""), 10).rows.tolist()


if __name__ == "__main__":
    main()
