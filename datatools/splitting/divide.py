"""Data -> train, dev and test, and the report: how many each got, what two splits still share, and what was impossible."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ...data.overlap import overlaps_of
from ...data.pairs import Pairs, TrainingData
from ...errors import DataError
from ...events import QUIET, Events
from ...plurals import count
from ..report import Prepared, ToolReport, counts_of
from .allot import Held, allot_drawn, allot_latest
from .said import largest_group, other_way, shared_by, short_splits, split_counts, split_facts, split_findings
from .settings import SplitSettings
from .times import dated_units, undated_of
from .units import UNITS, Units


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
    in_order: dict[str, Pairs] = {name: splits[name] for name in ("train", "dev", "test") if name in splits}
    overlaps = overlaps_of({name: (pairs, data.corpus) for name, pairs in in_order.items()}, seed=settings.seed, events=events)
    made = replace(data, train=splits["train"], dev=splits.get("dev"))
    report = ToolReport(
        tool="split",
        read=counts_of(data),
        written=split_counts(in_order, data),
        findings=tuple(split_findings(settings, undated, pairs, overlaps)),
        notes=(*notes, *short_splits(held, wanted, units, len(known), settings)),
        facts=split_facts(settings, in_order, wanted, units, overlaps),
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
            f"no {empty[0]} split of {count(wanted[empty[0]], 'query')} can be made so that it shares no {shared_by(settings)} with the others: "
            f"{largest_group(units, queries)}; divide in another way{other_way(settings)}, or ask for more queries"
        )


def _train_ids(pairs: Pairs, held: Held, dropped: set[str]) -> list[str]:
    away = dropped.union(*held.values())
    return [qid for qid in pairs.queries if qid not in away]


def _in_order(pairs: Pairs, ids: list[str]) -> list[str]:
    wanted = set(ids)
    return [qid for qid in pairs.queries if qid in wanted]
