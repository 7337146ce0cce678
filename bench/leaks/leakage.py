"""Which items of a task were seen in training: told before scoring, so that they can be taken out (`bench/leaks/unseen.py`).

A leak is a *query* that was trained on. To have trained on passages of the same corpus is how retrieval is trained, and no leak; that a
query's answer was the answer to another query is counted apart.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
from mteb.abstasks import AbsTask

from ...data.minhash import HASHES, Signatures, sign
from ...data.sketch import TextSketch
from ...plurals import be, count, singular
from ..tasks.data import data_of
from ..tasks.table import kind_of
from .trained_on import TrainedOn

How = Literal["pair", "exact", "near"]
"""How an item was seen, the worst first: with its answer, word for word (but for case and white space), or nearly so."""
_SAID: dict[How, str] = {"pair": "with an answer", "exact": "word for word", "near": "nearly"}
_EXAMPLES = 3
_SHOWN = 90  # characters of an example


@dataclass(frozen=True, slots=True)
class ItemTexts:
    """What training may have seen of an item.

    Attributes:
        texts: Seen when all of them were; every item of a task has the same number of them.
        pairs: Seen with their answer when one of them was trained on.
        answers: Of a query: the passages that answer it.
    """

    texts: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...] = ()
    answers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Leak:
    """One item that was seen: how, by which trained ancestor, how alike (0 to 1; estimated where `how` is "near"), and its first text."""

    item: str
    how: How
    by: str
    similarity: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskLeaks:
    """What one reference saw of one task.

    Attributes:
        task: The task.
        reference: The reference.
        items: How many items the task has, `item` being what they are.
        item: See `TaskKind`.
        leaks: The items that were seen, in the task's order, each once.
        answers_seen: How many items have an answer that was trained on, with this query or another; 0 where items have no answers.
        trained: The trained ancestors that it was held against.
        unknown: Those of whom no training texts are recorded.
    """

    task: str
    reference: str
    items: int
    item: str
    leaks: tuple[Leak, ...] = ()
    answers_seen: int = 0
    trained: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[How, int]:
        """How many items were seen in each way."""
        counted = Counter(leak.how for leak in self.leaks)
        return {how: counted[how] for how in get_args(How)}

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON can hold it, without texts."""
        plain = ("task", "reference", "items", "item", "answers_seen", "trained", "unknown")
        leaks = [{"item": leak.item, "how": leak.how, "by": leak.by, "similarity": leak.similarity} for leak in self.leaks]
        return {name: getattr(self, name) for name in plain} | {"counts": self.counts, "leaks": leaks}

    def describe(self, references: Sequence[str] = ()) -> str:
        """Return it as a line, followed by some of the texts; `references` saw the same (none: this one alone)."""
        by = ", ".join(references or (self.reference,))
        ways = ", ".join(f"{number} {_SAID[how]}" for how, number in self.counts.items() if number)
        lines = [
            f"{self.task}: {len(self.leaks)} of {count(self.items, singular(self.item))} {be(len(self.leaks))} seen in training by {by}"
            + (f" ({ways})" if ways else "")
        ]
        lines += [f"  {leak.how} {leak.similarity:.2f}: {_shorten(leak.text)}" for leak in _worst_first(self.leaks)[:_EXAMPLES]]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leakage:
    """What all references saw of all tasks; tasks whose items are no texts of queries (`not_looked_at`) are left out."""

    cells: tuple[TaskLeaks, ...]
    not_looked_at: tuple[str, ...] = ()

    def leaked(self, task: str) -> set[str]:
        """Return the items of a task that any reference saw."""
        return {leak.item for cell in self.cells if cell.task == task for leak in cell.leaks}

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON can hold it, without texts."""
        return {"cells": [cell.as_dict() for cell in self.cells], "not_looked_at": list(self.not_looked_at)}

    def describe(self) -> list[str]:
        """Return what there is to say: every leak, which tasks are clean, and whose training texts are not recorded."""
        alike: dict[tuple[str, tuple[Leak, ...]], list[TaskLeaks]] = {}
        for cell in self.cells:
            if cell.leaks:
                alike.setdefault((cell.task, cell.leaks), []).append(cell)
        clean = dict.fromkeys(cell.task for cell in self.cells if cell.trained and not self.leaked(cell.task))
        lines = [cells[0].describe([cell.reference for cell in cells]) for cells in alike.values()]
        lines += [f"no leak found: nothing of {', '.join(clean)} was seen in the recorded training texts"] if clean else []
        return lines + self._describe_unknown()

    def _describe_unknown(self) -> list[str]:
        ancestors = dict.fromkeys(name for cell in self.cells for name in cell.unknown)
        behind = dict.fromkeys(cell.reference for cell in self.cells if cell.unknown)
        if not ancestors:
            return []
        whose, which = ", ".join(ancestors), ", ".join(behind)
        return [f"no training texts are recorded for {whose}, so that nothing can tell whether {which} saw the test set"]


def find_leaks(tasks: Sequence[AbsTask], trained: Sequence[TrainedOn]) -> Leakage:
    """Hold the items of tasks against the training texts behind references, each ancestor's against each task once."""
    looked_at = [task for task in tasks if task.metadata.type in ITEM_TEXTS]
    sketches = {name: sketch for each in trained for name, sketch in each.sketches.items()}
    cells: list[TaskLeaks] = []
    for task in looked_at if sketches or any(each.unknown for each in trained) else ():
        items = ITEM_TEXTS[task.metadata.type](task)
        signatures = sign([text for each in items.values() for text in each.texts]) if sketches else np.empty((0, HASHES), np.uint8)
        seen = {name: _seen_by(name, sketch, items, signatures) for name, sketch in sketches.items()}
        cells += [_cell(task, items, each, seen) for each in trained if each.sketches or each.unknown]
    return Leakage(cells=tuple(cells), not_looked_at=tuple(task.metadata.name for task in tasks if task not in looked_at))


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


def _cell(task: AbsTask, items: dict[str, ItemTexts], trained: TrainedOn, seen: dict[str, _Seen]) -> TaskLeaks:
    own = [seen[name] for name in trained.sketches]
    leaks = [_worst_first([each.leaks[item] for each in own if item in each.leaks])[:1] for item in items]
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


def _worst_first(leaks: Sequence[Leak]) -> list[Leak]:
    return sorted(leaks, key=lambda leak: (get_args(How).index(leak.how), -leak.similarity))


def _shorten(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 3] + "..."


def _queries(task: AbsTask) -> dict[str, ItemTexts]:
    data = data_of(task)
    passages = dict(zip(data["corpus"]["id"], data["corpus"]["text"], strict=True))
    judged, items = data["relevant_docs"], dict[str, ItemTexts]()
    for qid, text in zip(data["queries"]["id"], data["queries"]["text"], strict=True):
        answers = tuple(passages[pid] for pid, grade in judged.get(qid, {}).items() if grade > 0 and pid in passages)
        items[qid] = ItemTexts((text,), tuple((text, answer) for answer in answers), answers)
    return items


def _pairs(task: AbsTask) -> dict[str, ItemTexts]:
    pairs = zip(data_of(task)["sentence1"], data_of(task)["sentence2"], strict=True)
    return {str(row): ItemTexts(pair, (pair, pair[::-1])) for row, pair in enumerate(pairs, start=1)}


def _rows(task: AbsTask) -> dict[str, ItemTexts]:
    return {str(row): ItemTexts((text,)) for row, text in enumerate(data_of(task)["text"], start=1)}


ITEM_TEXTS: dict[str, Callable[[AbsTask], dict[str, ItemTexts]]] = {
    "Retrieval": _queries,
    "Reranking": _queries,
    "STS": _pairs,
    "PairClassification": _pairs,
    "Classification": _rows,
}
"""Type of a task -> its items, by the names that `TaskKind.score_items` gives them. Clustering has none: its score is of the whole set."""
