"""Data -> what there is to know of them, in the order in which a person asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from ...data.overlap import Overlap, overlaps_of
from ...data.pairs import Corpus, Pairs, TrainingData
from ...events import QUIET, Events
from ...plurals import count
from .counts import Duplicates, SplitCounts, count_duplicates, count_split, count_unnamed
from .lengths import Lengths, measure_lengths
from .pieces import BrokenWords, find_broken_words
from .settings import MOST_PASSAGES, StatsSettings

if TYPE_CHECKING:
    from ...encoders.protocol import NetworkEncoder
    from .coverage import Coverage
    from .tokens import BaseTokens


@dataclass(frozen=True, slots=True, kw_only=True)
class DataStats:
    """What there is to know of data.

    Attributes:
        source: Where they came from.
        base: Whose tokens and vectors these are.
        splits: Split -> what it holds; the test split is counted and compared, and nothing else.
        passages: Of the corpus.
        unnamed: Those that no pair of train or dev names.
        duplicates: Of train queries, and of the corpus.
        lengths: Of queries, positives and the corpus.
        overlap: Between splits.
        words: How the tokenizer breaks the words of train and dev queries and of the corpus.
        coverage: Clusters, and what the base finds; None: no vectors were computed.
        notes: What was not measured, and why.
    """

    source: str
    base: str
    splits: dict[str, SplitCounts]
    passages: int
    unnamed: int
    duplicates: dict[str, Duplicates]
    lengths: dict[str, Lengths]
    overlap: tuple[Overlap, ...]
    words: BrokenWords
    coverage: Coverage | None
    notes: tuple[str, ...] = field(default=())

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "source": self.source,
            "base": self.base,
            "splits": {name: split.as_dict() for name, split in self.splits.items()},
            "passages": self.passages,
            "unnamed": self.unnamed,
            "duplicates": {name: asdict(each) for name, each in self.duplicates.items()},
            "lengths": {name: each.as_dict() for name, each in self.lengths.items()},
            "overlap": [each.as_dict() for each in self.overlap],
            "words": self.words.as_dict(),
            "coverage": self.coverage.as_dict() if self.coverage else None,
            "notes": list(self.notes),
        }


def stats(
    data: TrainingData,
    settings: StatsSettings,
    tokens: BaseTokens,
    *,
    base: str,
    encoder: NetworkEncoder | None = None,
    test: tuple[Pairs, Corpus] | None = None,
    events: Events = QUIET,
) -> DataStats:
    """Measure data.

    Args:
        data: Train and dev.
        settings: What is measured.
        tokens: The base's tokenizer.
        base: Its name.
        encoder: The base's network; None: clusters and what the base finds are left out.
        test: The test split and the corpus that its ids belong to; it is counted and compared with the others, and nothing else.
        events: Told the stages.
    """
    seen = {"train": data.train} | ({"dev": data.dev} if data.dev is not None else {})
    splits = {name: (pairs, data.corpus) for name, pairs in seen.items()} | ({"test": test} if test is not None else {})
    queries = [text for pairs in seen.values() for text in pairs.queries.values()]
    events.stage("measuring lengths")
    lengths = _lengths(data, queries, seen, tokens)
    events.stage("comparing the splits")
    overlap = tuple(overlaps_of(splits, seed=settings.seed, events=events))
    events.stage("breaking words")
    words = find_broken_words([*queries, *data.corpus.values()], tokens, settings.seed)
    return DataStats(
        source=data.source,
        base=base,
        splits={name: count_split(pairs) for name, (pairs, _) in splits.items()},
        passages=len(data.corpus),
        unnamed=count_unnamed(seen, data.corpus),
        duplicates={"train queries": count_duplicates(data.train.queries.values()), "passages": count_duplicates(data.corpus.values())},
        lengths=lengths,
        overlap=overlap,
        words=words,
        coverage=_coverage(data, settings, encoder, events),
        notes=tuple(_notes(data, settings, encoder)),
    )


def _lengths(data: TrainingData, queries: list[str], seen: Mapping[str, Pairs], tokens: BaseTokens) -> dict[str, Lengths]:
    positives = {pid for pairs in seen.values() for passages in pairs.positives.values() for pid in passages}
    texts = {"queries": queries, "positives": [data.corpus[pid] for pid in sorted(positives)], "corpus": list(data.corpus.values())}
    return {name: measure_lengths(each, tokens, "query" if name == "queries" else "document") for name, each in texts.items()}


def _coverage(data: TrainingData, settings: StatsSettings, encoder: NetworkEncoder | None, events: Events) -> Coverage | None:
    if encoder is None:
        return None
    from .coverage import measure_coverage

    return measure_coverage(data, settings, encoder, events)


def _notes(data: TrainingData, settings: StatsSettings, encoder: NetworkEncoder | None) -> Iterator[str]:
    """Yield what was done to the data, what was drawn, and what was not measured."""
    yield from data.notes
    if encoder is None:
        yield "clusters and what the base finds were left out, because no vectors were computed (--no-vectors)"
    else:
        yield from _drawn(len(data.train), settings.most_queries, "train query", "embedded", settings.seed)
        yield from _drawn(len(data.corpus), MOST_PASSAGES, "passage", "clustered", settings.seed)
    if data.dev is None:
        yield "the data have no dev split (adapt data split makes one; adapt train holds one out by itself)"


def _drawn(there: int, most: int, of: str, done: str, seed: int) -> Iterator[str]:
    if there > most:
        yield f"{most} of {count(there, of)} were drawn to be {done} (seed {seed})"
