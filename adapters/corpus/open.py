"""Data and a configuration -> the corpus that the queries of a run are compared with."""

from __future__ import annotations

import torch
from torch import Tensor

from ...base.load import Base
from ...data.pairs import TrainingData
from ...encoders.lora import LoraEncoder
from ...index.rows import CorpusRows, IndexRows, find_rows
from ..config import TrainConfig
from ..losses.table import compares_whole_corpus
from ..memory import device_memory
from ..sides.table import reads_corpus
from ..token_ids import TokenIds
from .sampling import Sampling, choose_candidates, is_approximate
from .stored import StoredCorpus
from .vectors import CorpusVectors, HeldVectors

FEW_NAMED, FEW_NAMED_WEIGHT = 1 / 4, 0.1
"""Where at most this share of dev queries has an answer that training names, unnamed passages count for so much: about there, what others gain
by it is what these lose (docs/results.md)."""
_DEVICE_SHARE = 1 / 6
"""Of a GPU's memory, what vectors may take there; else each step brings them there block by block."""


def open_corpus(
    base: Base,
    data: TrainingData,
    config: TrainConfig,
    vectors: CorpusVectors | None = None,
    index: IndexRows | None = None,
) -> StoredCorpus | None:
    """Return the corpus of a run with the base's own vectors; None where the configuration compares nothing with it.

    Args:
        base: What is trained over, as it is.
        data: The corpus, and which passages answer which query.
        config: Whether queries are compared with it, and at which length and precision it is embedded.
        vectors: Of the corpus; None: they are computed here, and kept in memory.
        index: Where the vectors are those of an index; None: they are in the corpus's order.

    Raises:
        DataError: passages have no vector.
    """
    if not reads_corpus(config):
        return None
    vectors = near_the_network(base, embed_corpus(base, data, config) if vectors is None else vectors)
    rows = find_rows(data.train, data.corpus, index)
    if not compares_whole_corpus(config):
        return StoredCorpus(vectors, rows)
    copies, texts = torch.from_numpy(rows.copies), list(data.train.queries.values())
    candidates = choose_candidates(config, base, vectors.count - len(copies), TokenIds(base, config.max_tokens), texts)
    weight = choose_unnamed_weight(config, data)
    shares = log_shares(vectors.count, rows, weight)
    if not candidates:
        return StoredCorpus(vectors, rows, None, weight, shares)
    approximate = is_approximate(config, base, vectors.count, len(texts))
    sampling = Sampling(candidates, config.rest_sample, config.seed, data.train.queries, copies, approximate)
    return StoredCorpus(vectors, rows, sampling, weight, shares)


def choose_unnamed_weight(config: TrainConfig, data: TrainingData) -> float:
    """Return what passages that no training pair names count for as negatives: by the dev queries, unless it is set (docs/results.md)."""
    if config.unnamed_weight is not None:
        return config.unnamed_weight
    if data.dev is None:
        return 1.0
    named = data.train.passage_ids()
    known = sum(not named.isdisjoint(passages) for passages in data.dev.positives.values())
    return FEW_NAMED_WEIGHT if known <= FEW_NAMED * len(data.dev) else 1.0


def log_shares(count: int, rows: CorpusRows, unnamed_weight: float) -> Tensor | None:
    """Return the logarithm of what each row of a corpus counts for as a negative, (count,) float32; None where all count alike."""
    if unnamed_weight == 1:
        return None
    shares = torch.full((count,), unnamed_weight).log()
    shares[torch.from_numpy(rows.named)] = 0.0
    return shares


def corpus_encoder(base: Base, config: TrainConfig) -> LoraEncoder:
    """Return what embeds a corpus: the base alone, at the length and precision of training."""
    return LoraEncoder(base, precision=config.precision, max_tokens=config.max_tokens)


def near_the_network(base: Base, vectors: CorpusVectors) -> CorpusVectors:
    """Return vectors where the network computes: on a GPU once and for all, where they take a small part of its memory."""
    size = sum(part.numel() * part.element_size() for part in vectors.parts)
    if base.device.type == "cpu" or size > _DEVICE_SHARE * device_memory(base.device):
        return vectors
    return HeldVectors(tuple(part.to(base.device) for part in vectors.parts), vectors.content)


def embed_corpus(base: Base, data: TrainingData, config: TrainConfig) -> HeldVectors:
    """Embed a corpus in memory."""
    encoded = corpus_encoder(base, config).encode(list(data.corpus.values()), "document")
    return HeldVectors((torch.from_numpy(encoded.vectors),))
