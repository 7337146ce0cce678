"""The look at the dev split during training: bounded, seeded, and said."""

from dataclasses import dataclass

import numpy as np

from ..base.load import Base
from ..data.retrieval import TrainingData, draw_passages
from ..encoder import Encoder, LoraEncoder
from ..metrics import ndcg_at_10
from .config import TrainConfig

MAX_DISTRACTORS = 2000


@dataclass(frozen=True, slots=True)
class DevSet:
    """The dev queries, and the passages they are searched among: their positives and at most 2,000 others."""

    queries: dict[str, str]
    passages: dict[str, str]
    relevant: dict[str, dict[str, int]]

    def describe(self, corpus_size: int) -> str:
        """Say how large the set is, and how much of the corpus it covers."""
        return f"dev: {len(self.queries)} queries over {len(self.passages)} of {corpus_size} passages (the dev positives and at most {MAX_DISTRACTORS} others)"

    def score(self, encoder: Encoder) -> float:
        """Return the mean nDCG@10."""
        queries, passages = list(self.queries), list(self.passages)
        by_query = ndcg_at_10(
            encoder.encode([self.queries[qid] for qid in queries], "query"),
            encoder.encode([self.passages[pid] for pid in passages], "document"),
            queries,
            passages,
            self.relevant,
        )
        return float(np.mean(list(by_query.values())))


def dev_encoder(base: Base, config: TrainConfig) -> LoraEncoder:
    """Return the encoder of a look: the network with the layers that are in it, at the length and precision of training."""
    return LoraEncoder(base, precision=config.precision, max_tokens=min(config.max_tokens, base.spec.max_tokens))


def make_dev_set(data: TrainingData, seed: int) -> DevSet | None:
    """Draw the dev set of a run, or None where the data have no dev split."""
    if data.dev is None:
        return None
    return DevSet(data.dev.queries, draw_passages(data.dev, data.corpus, MAX_DISTRACTORS, seed), data.dev.positives)
