"""What data hold, as text: a table for each thing that is measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ...plurals import be, count
from ...shown_text import one_line
from ..render import render_line, render_table
from ..search_text import clip

if TYPE_CHECKING:
    from ...data.overlap import Overlap
    from ...datatools.statistics.clusters import Cluster
    from ...datatools.statistics.coverage import Coverage
    from ...datatools.statistics.measure import DataStats
    from ...datatools.statistics.pieces import BrokenWord, BrokenWords

_CLUSTERS = 12
_CHARACTERS = 50


def stats_text(stats: DataStats) -> str:
    """Return statistics as text, table after table."""
    parts = [_splits(stats), _positives(stats), _lengths(stats), *_overlap(stats.overlap), *_duplicates(stats), *_words(stats)]
    parts += _coverage(stats.coverage) if stats.coverage else []
    return "\n\n".join([*parts, *(render_line(f"note: {note}") for note in stats.notes)])


def _splits(stats: DataStats) -> str:
    numbers = ("queries", "pairs", "passages", "negatives")
    rows = [(name, *(f"{getattr(split, each):,}" for each in numbers), _stated(split)) for name, split in stats.splits.items()]
    title = f"{stats.source}: {count(stats.passages, 'passage')}, of which {stats.unnamed:,} {be(stats.unnamed)} named by no pair of train or dev"
    return render_table(("split", *numbers, "with"), rows, right=numbers, title=title)


def _stated(split: object) -> str:
    words = {"weighted": "weights", "scored": "scores", "grouped": "groups", "dated": "times"}
    return ", ".join(f"{getattr(split, name):,} {word}" for name, word in words.items() if getattr(split, name)) or "-"


def _positives(stats: DataStats) -> str:
    bins = tuple(stats.splits["train"].positives_per_query)
    grades = sorted({grade for split in stats.splits.values() for grade in split.grades})
    headings = ("split", *bins, *(f"grade {grade}" for grade in grades))
    rows = [
        (name, *(f"{number:,}" for number in split.positives_per_query.values()), *(f"{split.grades.get(grade, 0):,}" for grade in grades))
        for name, split in stats.splits.items()
    ]
    return render_table(headings, rows, right=headings[1:], title="queries by their positives, and pairs by their grade")


def _lengths(stats: DataStats) -> str:
    headings = ("texts", "number", "mean", "median", "95 %", "longest", "cut at", "cut", "never read")
    rows = [
        (
            name,
            f"{each.texts:,}",
            f"{each.mean:.0f}",
            f"{each.median:.0f}",
            f"{each.p95:.0f}",
            f"{each.longest:,}",
            str(each.max_tokens),
            f"{each.cut:,} ({each.cut / each.texts:.0%})",
            f"{each.lost:.0%}",
        )
        for name, each in stats.lengths.items()
    ]
    return render_table(headings, rows, right=headings[1:], title=f"lengths in tokens of {stats.base}")


def _overlap(overlaps: Sequence[Overlap]) -> Iterator[str]:
    if not overlaps:
        return
    headings = ("of", "seen in", "queries", "same query", "near query", "same answer", "near answer")
    rows = [
        (
            each.splits[1],
            each.splits[0],
            f"{each.queries:,}",
            *(f"{number:,}" for number in (each.same_query, each.near_query, each.same_positive, each.near_positive)),
        )
        for each in overlaps
    ]
    yield render_table(headings, rows, right=headings[2:], title="what a split's queries share with an earlier split")


def _duplicates(stats: DataStats) -> Iterator[str]:
    for name, each in stats.duplicates.items():
        if each.copies:
            such = f", such as: {clip(each.examples[0], _CHARACTERS)}" if each.examples else ""
            yield render_line(f"{each.copies:,} of {each.texts:,} {name} repeat the text of another one{such}")


def _words(stats: DataStats) -> Iterator[str]:
    words = stats.words
    lists = (
        (f"words that {stats.base} breaks, those that cost most first", words.broken),
        ("Chinese words, of which a tokenizer of characters breaks each", words.chinese),
        ("words with pieces that it does not know", words.unknown),
    )
    for title, found in lists:
        if found:
            rows = [(one_line(each.word), f"{each.count:,}", str(len(each.pieces)), _pieces(each)) for each in found]
            yield render_table(("word", "times", "pieces", "as"), rows, right=("times", "pieces"), title=title)
    yield render_line(_fertility(words))


def _fertility(words: BrokenWords) -> str:
    from ...datatools.statistics.pieces import NO_NEW_TOKENS

    means = [
        f"{value:.2f} pieces a {what}"
        for value, what in ((words.pieces_per_word, "word"), (words.pieces_per_character, "Chinese character"))
        if value is not None
    ]
    unknown = f", {words.unknown_share:.1%} of the words with an unknown piece" if words.unknown else ""
    return f"{', '.join(means) or 'no words'}{unknown}; {NO_NEW_TOKENS}"


def _pieces(word: BrokenWord) -> str:
    return one_line(" ".join(word.pieces))


def _coverage(coverage: Coverage) -> Iterator[str]:
    depths = list(next(iter(coverage.difficulty.values())).recall)
    rows = [(name, f"{each.queries:,}", *(f"{each.recall[depth]:.1%}" for depth in depths)) for name, each in coverage.difficulty.items()]
    headings = ("split", "queries", *(f"recall@{depth}" for depth in depths))
    yield render_table(
        headings,
        rows,
        right=headings[1:],
        title="how hard the base finds it: the share of the queries with an answer among the first N of the whole corpus",
    )
    hardest = [
        (f"{rank:,}", clip(query, _CHARACTERS), clip(answer, _CHARACTERS)) for query, rank, answer in coverage.difficulty["train"].hardest
    ]
    if hardest:
        yield render_table(("rank", "query", "answer"), hardest, right=("rank",), title="the hardest train queries")
    yield _clusters("clusters of train queries", coverage.queries, "recall@10", lambda cluster: f"{cluster.found or 0:.0%}")
    unasked = coverage.unasked
    title = f"clusters of the corpus, the least asked for first ({len(unasked)} of {len(coverage.corpus)} answer no query of train or dev)"
    yield _clusters(title, coverage.corpus, "answers", lambda cluster: f"{cluster.named:,} of {cluster.texts:,}")


def _clusters(title: str, clusters: Sequence[Cluster], heading: str, value: object) -> str:
    assert callable(value)
    shown = clusters[:_CLUSTERS]
    rows = [
        (
            f"{cluster.share:.1%}",
            value(cluster),
            one_line(", ".join(cluster.words)),
            "\n".join(clip(text, _CHARACTERS) for text in cluster.examples[:2]),
        )
        for cluster in shown
    ]
    more = f"; {len(clusters) - len(shown)} more: --json has them all" if len(clusters) > len(shown) else ""
    return render_table(("share", heading, "words", "examples"), rows, right=("share", heading), title=title + more)
