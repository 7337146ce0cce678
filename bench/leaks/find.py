"""The items of tasks, looked for in the training texts behind references."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from mteb.abstasks import AbsTask

from ...data.minhash import HASHES, Signatures, sign
from ...data.training_texts import TextSketch
from ..tasks.kind import ItemTexts
from ..tasks.table import kind_of
from .leakage import How, Leak, Leakage, TaskLeaks, worst_first
from .trained_on import TrainedOn


def find_leaks(tasks: Sequence[AbsTask], trained: Sequence[TrainedOn]) -> Leakage:
    """Look for the items of tasks in the training texts behind references, each ancestor's for each task once."""
    asked = [each for each in trained if each.sketches or each.unknown]
    sketches = {name: sketch for each in trained for name, sketch in each.sketches.items()}
    found: list[TaskLeaks] = []
    not_checked: list[str] = []
    for task in tasks:
        may_leak = kind_of(task).may_leak
        if may_leak is None:
            not_checked.append(task.metadata.name)
        elif asked:
            items = may_leak(task)
            signatures = sign([text for each in items.values() for text in each.texts]) if sketches else np.empty((0, HASHES), np.uint8)
            seen = {name: _seen_by(name, sketch, items, signatures) for name, sketch in sketches.items()}
            found += [_of_task(task, items, each, seen) for each in asked]
    return Leakage(found=tuple(found), not_checked=tuple(not_checked))


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one trained ancestor saw of a task: item -> leak, and the items of which it saw an answer."""

    leaks: dict[str, Leak]
    answers: set[str]


def _seen_by(by: str, sketch: TextSketch, items: dict[str, ItemTexts], signatures: Signatures) -> _Seen:
    rows, texts = list(items.values()), [text for each in items.values() for text in each.texts]
    is_query = any(each.answers for each in rows)
    known = sketch.has_queries(texts) | (False if is_query else sketch.has_positives(texts))
    alike = np.where(known, 1.0, sketch.nearness(signatures)).reshape(len(rows), -1).min(axis=1)
    exact: npt.NDArray[np.bool_] = np.all(known.reshape(len(rows), -1), axis=1)
    in_pair = _any_of(sketch.has_pairs(pair for each in rows for pair in each.pairs), [len(each.pairs) for each in rows])
    answered = _any_of(sketch.has_positives(text for each in rows for text in each.answers), [len(each.answers) for each in rows])
    hows: list[How | None] = [
        "pair" if pair else "exact" if same else "near" if near else None for pair, same, near in zip(in_pair, exact, alike, strict=True)
    ]
    leaks = {
        item: Leak(item, how, by, 1.0 if how != "near" else round(float(near), 3), items[item].texts[0])
        for item, how, near in zip(items, hows, alike, strict=True)
        if how is not None
    }
    return _Seen(leaks, {item for item, one in zip(items, answered, strict=True) if one})


def _any_of(flags: npt.NDArray[np.bool_], lengths: Sequence[int]) -> list[bool]:
    """Return for consecutive groups of these lengths whether one flag is set."""
    return [bool(group.any()) for group in np.split(flags, np.cumsum(lengths)[:-1])]


def _of_task(task: AbsTask, items: dict[str, ItemTexts], trained: TrainedOn, seen: dict[str, _Seen]) -> TaskLeaks:
    own = [seen[name] for name in trained.sketches]
    leaks = [worst_first([each.leaks[item] for each in own if item in each.leaks])[:1] for item in items]
    return TaskLeaks(
        task=task.metadata.name,
        reference=trained.reference,
        items=len(items),
        item=kind_of(task).item,
        leaks=tuple(leak for worst in leaks for leak in worst),
        answers_seen=len(set[str]().union(*(each.answers for each in own))),
        trained=tuple(trained.sketches),
        unknown=trained.unknown,
    )
