"""What is said of a division: how many each split got, what two of them still share, and what was impossible."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...data.overlap import Overlap
from ...data.pairs import Pairs, TrainingData
from ...plurals import count
from ..report import Effect, Finding, examples_of
from .allot import Held
from .settings import SplitSettings
from .times import read_time
from .units import SHARED, Units

_SHORT = 0.9
"""Below this share of what was asked for, a split is said to have come out small."""
_UNDATED: dict[bool, tuple[Effect, str]] = {
    True: ("dropped", "without a time"),
    False: ("told", "without a time, which stay in train"),
}
"""Whether queries without a time are dropped -> what is said of them."""


def short_splits(held: Held, wanted: Mapping[str, int], units: Units, queries: int, settings: SplitSettings) -> Iterator[str]:
    """Yield a line for each split that came out smaller than it was asked for, with the reason."""
    for name, ids in held.items():
        if len(ids) < _SHORT * wanted[name]:
            yield f"{name} has {len(ids)} of the {wanted[name]} queries that were asked for: {largest_group(units, queries)}{other_way(settings)}"


def largest_group(units: Units, queries: int) -> str:
    """Say how large the largest unit is: why a split cannot be filled."""
    size = max(map(len, units))
    return (
        f"the largest of {count(len(units), 'group')} that must stay whole holds {size} of {count(queries, 'query')} ({size / queries:.0%})"
    )


def other_way(settings: SplitSettings) -> str:
    """Return the way to split that has smaller units, where there is one."""
    return " (--by query keeps only texts of queries apart)" if settings.by in ("component", "document") else ""


def shared_by(settings: SplitSettings) -> str:
    """Return what two splits never share, after *no*."""
    return SHARED[settings.by].removeprefix("a ")


def split_findings(settings: SplitSettings, undated: list[str], pairs: Pairs, overlaps: list[Overlap]) -> Iterator[Finding]:
    """Yield what became of queries without a time or a group, and what splits share."""
    if undated:
        effect, what = _UNDATED[settings.undated == "drop"]
        yield Finding(what=what, effect=effect, count=len(undated), of="query", examples=examples_of(pairs.queries[qid] for qid in undated))
    if settings.by == "group" and (alone := [qid for qid in pairs.queries if qid not in pairs.groups]):
        examples = examples_of(pairs.queries[qid] for qid in alone)
        yield Finding(what="without a group, each divided by itself", effect="told", count=len(alone), of="query", examples=examples)
    for overlap in overlaps:
        yield from _overlap_findings(overlap)


def _overlap_findings(overlap: Overlap) -> Iterator[Finding]:
    """Yield what two splits share, where they share something."""
    first, second = overlap.splits
    drawn = "" if overlap.compared == overlap.queries else f" (of {overlap.compared} that were compared)"
    for number, what, examples in (
        (overlap.same_query, f"of {second} whose text is one of {first}", ()),
        (overlap.near_query, f"of {second} whose text is nearly one of {first}{drawn}", overlap.examples),
        (overlap.same_positive, f"of {second} that a passage answers which answers one of {first}", ()),
        (overlap.near_positive, f"of {second} that a near copy of a passage answers which answers one of {first}{drawn}", ()),
    ):
        if number:
            yield Finding(what=what, effect="told", count=number, of="query", examples=examples_of(examples))


def split_counts(splits: Mapping[str, Pairs], data: TrainingData) -> dict[str, int]:
    """Return what there is now, by the names of `counts_of`."""
    return {
        "queries": len(splits["train"]),
        **{f"{name} queries": len(splits[name]) for name in ("dev", "test") if name in splits},
        "pairs": sum(pairs.pair_count for pairs in splits.values()),
        "negatives": sum(len(ids) for pairs in splits.values() for ids in pairs.negatives.values()),
        "passages": len(data.corpus),
    }


def split_facts(
    settings: SplitSettings, splits: Mapping[str, Pairs], wanted: Mapping[str, int], units: Units, overlaps: list[Overlap]
) -> dict[str, object]:
    """Return the figures of a division: its way and seed, units, sizes, times, and the overlap of each two splits."""
    sizes = {
        name: {"queries": len(pairs), "pairs": pairs.pair_count} | ({"wanted": wanted[name]} if name in wanted else {})
        for name, pairs in splits.items()
    }
    return {
        "by": settings.by,
        "seed": None if settings.by == "time" else settings.seed,
        "groups": len(units),
        "largest_group": max(map(len, units)),
        "splits": sizes,
        "times": _spans(splits) if settings.by == "time" else {},
        "overlap": [overlap.as_dict() for overlap in overlaps],
    }


def _spans(splits: Mapping[str, Pairs]) -> dict[str, dict[str, str]]:
    """Return the first and the last time of each split, as the data state them."""
    spans = {}
    for name, pairs in splits.items():
        times = sorted((read_time(text, pairs.queries[qid]), text) for qid, text in pairs.times.items())
        spans[name] = {"first": times[0][1], "last": times[-1][1]} if times else {}
    return spans
