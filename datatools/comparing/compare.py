"""Bases and data -> what each base finds of the same queries among the same passages, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch

from ...base.fingerprint import weight_files
from ...base.spec import ResolvedBase
from ...choices import MAX_TOKENS, Role
from ...data.dev_set import DevSet, draw_dev_set
from ...data.pairs import Pairs, TrainingData, draw_queries
from ...encoders.lora import LoraEncoder
from ...encoders.protocol import Encoded
from ...encoders.reporting import encode_reporting
from ...errors import ConfigError, DataError
from ...events import QUIET, Events
from ...index.findings import answer_ranks, found_within
from ...index.rows import find_rows
from ...index.vectors import in_memory
from ...plurals import count
from ...references import EncoderSettings, LoadedBases, of_base, open_lora

MOST_QUERIES = 1000
_WARM_UP = 8  # texts that are embedded before the clock runs


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseScores:
    """One base on the data.

    Attributes:
        reference: What the user called it.
        base: Its name.
        ndcg10: The mean nDCG@10 over the queries.
        recall: Depth -> the share of the queries that have an answer among the first so many passages.
        queries_per_s: Queries embedded in a second, tokenising included.
        passages_per_s: Passages likewise.
        size_bytes: Of the files of weights.
        dimension: Of vectors; 4 bytes each in fp32.
        max_tokens: The longest text that it reads.
        cut_at: Where texts were cut here.
        cut: The share of the passages that were cut.
        language: "en", "zh" or "multilingual".
    """

    reference: str
    base: str
    ndcg10: float
    recall: dict[int, float]
    queries_per_s: float
    passages_per_s: float
    size_bytes: int
    dimension: int
    max_tokens: int
    cut_at: int
    cut: float
    language: str

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return asdict(self) | {"recall": {str(depth): share for depth, share in self.recall.items()}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Bases side by side, the best nDCG@10 first, and on what."""

    source: str
    split: str
    queries: int
    passages: int
    bases: tuple[BaseScores, ...]
    notes: tuple[str, ...] = field(default=())

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "source": self.source,
            "split": self.split,
            "queries": self.queries,
            "passages": self.passages,
            "bases": [each.as_dict() for each in self.bases],
            "notes": list(self.notes),
        }


def compare_bases(
    named: Sequence[tuple[str, ResolvedBase]], data: TrainingData, settings: EncoderSettings, *, seed: int = 0, events: Events = QUIET
) -> Comparison:
    """Score bases on the dev split, or on drawn train queries where there is none.

    Args:
        named: What the user calls each base, and the base.
        data: Whose dev split is meant.
        settings: Device, precision and length; where none is given, texts are cut as in training by default.
        seed: Draws queries.
        events: Receives the progress.

    Raises:
        BaseError: a base does not load.
        ConfigError: the maximum length is more than a base reads.
    """
    pairs, split, notes = _queries(data, seed)
    dev = draw_dev_set(Pairs(pairs.queries, pairs.positives), data.searched)
    scores = [_score(name, base, dev, settings, events) for name, base in named]
    return Comparison(
        source=data.source,
        split=split,
        queries=len(dev.queries),
        passages=len(dev.passages),
        bases=tuple(sorted(scores, key=lambda each: -each.ndcg10)),
        notes=(*notes, *_size_note(dev, data), *_speed_note(named)),
    )


def _queries(data: TrainingData, seed: int) -> tuple[Pairs, str, list[str]]:
    pairs, split = (data.train, "train") if data.dev is None else (data.dev, "dev")
    if not len(pairs):
        raise DataError(f"{data.source} holds no queries to compare bases on")
    drawn = draw_queries(pairs, MOST_QUERIES, seed)
    notes = [f"{data.source} has no dev split: bases are compared on train queries"] if split == "train" else []
    if len(drawn) < len(pairs):
        notes.append(f"{len(drawn)} of {len(pairs)} {split} queries are drawn (seed {seed})")
    return drawn, split, notes


def _size_note(dev: DevSet, data: TrainingData) -> Iterator[str]:
    if len(dev.passages) < len(data.corpus):
        yield (
            f"searched among {len(dev.passages)} of {count(len(data.corpus), 'passage')} (the answers and drawn others), as dev scores of training "
            "are; among all of them every base finds less"
        )


def _speed_note(named: Sequence[object]) -> Iterator[str]:
    if len(named) > 1:
        yield "speed is that of this run on this machine: other work on it makes all bases slower"


def _score(reference: str, base: ResolvedBase, dev: DevSet, settings: EncoderSettings, events: Events) -> BaseScores:
    events.stage(f"loading {reference}")
    encoder = _open(base, settings)
    queries, queries_per_s = _timed(encoder, list(dev.queries.values()), "query", reference, events)
    passages, passages_per_s = _timed(encoder, list(dev.passages.values()), "document", reference, events)
    pairs = Pairs(dev.queries, dev.relevant)
    rows = find_rows(pairs, dev.passages)
    ranks = answer_ranks(torch.from_numpy(queries.vectors), list(dev.queries), in_memory(torch.from_numpy(passages.vectors), ""), rows)
    return BaseScores(
        reference=reference,
        base=base.spec.name,
        ndcg10=dev.score_vectors(queries.vectors, passages.vectors),
        recall=found_within(ranks),
        queries_per_s=queries_per_s,
        passages_per_s=passages_per_s,
        size_bytes=sum(file.stat().st_size for file in weight_files(base.spec.folder)),
        dimension=encoder.dimension,
        max_tokens=base.encoding.longest(),
        cut_at=encoder.max_tokens,
        cut=float(passages.is_cut.mean()),
        language=base.spec.language,
    )


def _open(base: ResolvedBase, settings: EncoderSettings) -> LoraEncoder:
    longest = base.encoding.longest()
    if settings.max_tokens is not None and settings.max_tokens > longest:
        raise ConfigError(f"the maximum length is {settings.max_tokens} tokens; {base.spec.name} takes at most {longest}")
    from dataclasses import replace

    at = settings.max_tokens or min(MAX_TOKENS, longest)
    return open_lora(of_base(base.spec, base.encoding), LoadedBases(replace(settings, max_tokens=at)))


def _timed(encoder: LoraEncoder, texts: Sequence[str], role: Role, reference: str, events: Events) -> tuple[Encoded, float]:
    """Embed texts, and return how many a second that was; the first few, which wait for memory, are embedded before."""
    encoder.encode(texts[:_WARM_UP], role)
    before = encoder.work.seconds
    events.stage(f"embedding with {reference}")
    encoded = encode_reporting(encoder, texts, role, events)
    return encoded, len(texts) / max(encoder.work.seconds - before, 1e-9)
