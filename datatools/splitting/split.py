"""Data -> train, dev and test, and the report: how many each got, what two splits still share, and what was impossible."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from ...data.overlap import Overlap, overlaps_of
from ...data.pairs import Pairs, TrainingData
from ...errors import DataError
from ...events import QUIET, Events
from ...plurals import count
from ..report import Finding, Prepared, ToolReport, counts_of, examples_of
from .allot import Held, allot_drawn, allot_latest
from .settings import SplitSettings
from .times import dated_units, undated_of
from .units import SHARED, UNITS, Units

_SHORT = 0.9
"""Below this share of what was asked for, a split is said to have come out small."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Divided(Prepared):
    """Data with the train and dev splits that were made, the report, and the test split; None: none was asked for."""

    test: Pairs | None


def split(data: TrainingData, settings: SplitSettings, events: Events = QUIET) -> Divided:
    """Divide the queries of data into train, dev and test; the corpus stays that of all three.

    Args:
        data: Its dev split is refused, or divided anew with train (`settings.resplit`).
        settings: How.
        events: Told the stages.

    Raises:
        DataError: the data have a dev split, state no group or time to divide by, or cannot be divided so.
    """
    events.stage("dividing the queries")
    pairs, notes = _all_pairs(data, settings)
    units, undated = _units(pairs, data, settings)
    known = pairs if not undated else pairs.select(qid for unit in units for qid in unit)
    wanted = _wanted(settings, len(known))
    held = allot_latest(units, wanted) if settings.by == "time" else allot_drawn(units, wanted, settings.seed)
    _check_held(held, wanted, units, len(known), settings)
    train = _train_ids(pairs, held, set(undated) if settings.undated == "drop" else set())
    splits = {"train": pairs.select(train)} | {name: pairs.select(_in_order(pairs, ids)) for name, ids in held.items() if wanted[name]}
    events.stage("comparing the splits")
    in_order = {name: splits[name] for name in ("train", "dev", "test") if name in splits}
    overlaps = overlaps_of({name: (pairs, data.corpus) for name, pairs in in_order.items()}, seed=settings.seed)
    made = replace(data, train=splits["train"], dev=splits.get("dev"))
    report = ToolReport(
        tool="split",
        read=counts_of(data),
        written=_counts(in_order, data),
        findings=tuple(_findings(settings, undated, pairs, overlaps)),
        notes=(*notes, *_sizes(held, wanted, units, len(known), settings)),
        facts=_facts(settings, in_order, wanted, units, overlaps),
    )
    return Divided(data=made, test=splits.get("test"), report=report)


def _all_pairs(data: TrainingData, settings: SplitSettings) -> tuple[Pairs, tuple[str, ...]]:
    """Return the pairs that are divided: those of train and, where they are to be divided anew, of dev."""
    if data.dev is None:
        return data.train, ()
    if not settings.resplit:
        raise DataError(
            f"{data.source} has a dev split of {count(len(data.dev), 'query')} already; with --resplit it is joined with train and divided anew"
        )
    both, other = data.train.by_query(), data.dev.by_query()
    renamed = {qid: _free(qid, data.train.queries) for qid in data.dev.queries}
    joined = Pairs(**{name: both[name] | {renamed[qid]: value for qid, value in other[name].items()} for name in both})
    return joined, (f"the dev split of {count(len(data.dev), 'query')} was joined with train and divided anew",)


def _free(qid: str, taken: Mapping[str, str]) -> str:
    """Return an id that is not taken: ids of dev may be those of train."""
    while qid in taken:
        qid = f"dev-{qid}"
    return qid


def _units(pairs: Pairs, data: TrainingData, settings: SplitSettings) -> tuple[Units, list[str]]:
    """Return what stays together, and the queries without a time, where that decides."""
    if settings.by != "time":
        return UNITS[settings.by](pairs, data.corpus), []
    units = dated_units(pairs)
    return units, undated_of(pairs, settings.undated)


def _wanted(settings: SplitSettings, queries: int) -> dict[str, int]:
    wanted = {"test": settings.wanted("test", queries), "dev": settings.wanted("dev", queries)}
    if sum(wanted.values()) >= queries:
        raise DataError(
            f"dev and test are to have {sum(wanted.values())} of {count(queries, 'query')}, so that none is left to train on; "
            "ask for less, or add data"
        )
    return wanted


def _check_held(held: Held, wanted: Mapping[str, int], units: Units, queries: int, settings: SplitSettings) -> None:
    empty = [name for name, ids in held.items() if wanted[name] and not ids]
    if empty:
        raise DataError(
            f"no {empty[0]} split of {count(wanted[empty[0]], 'query')} can be made so that it shares no {_shared(settings)} with the others: "
            f"{_largest(units, queries)}; divide in another way{_other_way(settings)}, or ask for more queries"
        )


def _sizes(held: Held, wanted: Mapping[str, int], units: Units, queries: int, settings: SplitSettings) -> Iterator[str]:
    """Yield a line for each split that came out smaller than it was asked for, with the reason."""
    for name, ids in held.items():
        if len(ids) < _SHORT * wanted[name]:
            yield f"{name} has {len(ids)} of the {wanted[name]} queries that were asked for: {_largest(units, queries)}{_other_way(settings)}"


def _largest(units: Units, queries: int) -> str:
    size = max(map(len, units))
    return (
        f"the largest of {count(len(units), 'group')} that must stay whole holds {size} of {count(queries, 'query')} ({size / queries:.0%})"
    )


def _other_way(settings: SplitSettings) -> str:
    others = {"component": " (--by query keeps only texts of queries apart)", "document": " (--by query keeps only texts of queries apart)"}
    return others.get(settings.by, "")


def _shared(settings: SplitSettings) -> str:
    return SHARED[settings.by].removeprefix("a ")


def _train_ids(pairs: Pairs, held: Held, dropped: set[str]) -> list[str]:
    away = dropped.union(*held.values())
    return [qid for qid in pairs.queries if qid not in away]


def _in_order(pairs: Pairs, ids: list[str]) -> list[str]:
    wanted = set(ids)
    return [qid for qid in pairs.queries if qid in wanted]


def _findings(settings: SplitSettings, undated: list[str], pairs: Pairs, overlaps: list[Overlap]) -> Iterator[Finding]:
    if undated:
        effect, what = ("dropped", "without a time") if settings.undated == "drop" else ("told", "without a time, which stay in train")
        examples = examples_of(pairs.queries[qid] for qid in undated)
        yield Finding(what=what, effect=effect, count=len(undated), of="query", examples=examples)  # type: ignore[arg-type]
    if settings.by == "group" and (alone := [qid for qid in pairs.queries if qid not in pairs.groups]):
        examples = examples_of(pairs.queries[qid] for qid in alone)
        yield Finding(what="without a group, each divided by itself", effect="told", count=len(alone), of="query", examples=examples)
    for overlap in overlaps:
        yield from overlap_findings(overlap)
    if graded := sum(grade > 1 for passages in pairs.positives.values() for grade in passages.values()):
        yield Finding(what="with a grade above 1, which pair lines do not keep", effect="changed", count=graded, of="pair")


def overlap_findings(overlap: Overlap) -> Iterator[Finding]:
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


def _counts(splits: Mapping[str, Pairs], data: TrainingData) -> dict[str, int]:
    """Return what there is now, by the names of `counts_of`."""
    return {
        "queries": len(splits["train"]),
        **{f"{name} queries": len(splits[name]) for name in ("dev", "test") if name in splits},
        "pairs": sum(pairs.pair_count for pairs in splits.values()),
        "negatives": sum(len(ids) for pairs in splits.values() for ids in pairs.negatives.values()),
        "passages": len(data.corpus),
    }


def _facts(
    settings: SplitSettings, splits: Mapping[str, Pairs], wanted: Mapping[str, int], units: Units, overlaps: list[Overlap]
) -> dict[str, object]:
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
    from .times import read_time

    spans = {}
    for name, pairs in splits.items():
        times = sorted((read_time(text, pairs.queries[qid]), text) for qid, text in pairs.times.items())
        spans[name] = {"first": times[0][1], "last": times[-1][1]} if times else {}
    return spans
