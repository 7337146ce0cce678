"""Data and a configuration -> the corpus that the queries of a run are compared with."""

from __future__ import annotations

from ...base.load import Base
from ...data.pairs import TrainingData
from ...encoders.lora import LoraEncoder
from ..config import TrainConfig
from ..sides.table import reads_corpus
from .rows import find_rows
from .stored import StoredCorpus
from .vectors import CorpusVectors, HeldVectors


def open_corpus(base: Base, data: TrainingData, config: TrainConfig, vectors: CorpusVectors | None = None) -> StoredCorpus | None:
    """Return the corpus of a run with the base's own vectors; None where the configuration compares nothing with it.

    Args:
        base: What is trained over, as it is.
        data: The corpus, and which passages answer which query.
        config: Whether queries are compared with it, and at which length and precision it is embedded.
        vectors: Of the corpus, in its order; None: they are computed here.
    """
    if not reads_corpus(config):
        return None
    return StoredCorpus(vectors or embed_corpus(base, data, config), find_rows(data.train, data.corpus))


def corpus_encoder(base: Base, config: TrainConfig) -> LoraEncoder:
    """Return what embeds a corpus: the base alone, at the length and precision of training."""
    return LoraEncoder(base, precision=config.precision, max_tokens=config.max_tokens)


def embed_corpus(base: Base, data: TrainingData, config: TrainConfig) -> HeldVectors:
    """Embed a corpus in memory."""
    import torch

    encoded = corpus_encoder(base, config).encode(list(data.corpus.values()), "document")
    return HeldVectors((torch.from_numpy(encoded.vectors),))
