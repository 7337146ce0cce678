"""Winners and losers: the items whose score changed most against the base, with their texts. People read these before any number."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mteb.abstasks import AbsTask
from scipy.stats import rankdata

from ..leaks.leakage import Leakage
from ..leaks.unseen import unseen_name
from ..result import BenchedTask, BenchResult, Score, StatisticName
from ..tasks.kind import Passage, Rankings, Shown
from ..tasks.table import kind_of
from .findings import Findings

SHOWN = 10
_NAMED = 5  # texts of the items of one point
_NOTHING = 1e-9

Values = Mapping[str, float]
"""Item -> its value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One item: its texts, what it scored with the base and with the reference, its passages, and a remark on it."""

    item: str
    base: float
    own: float
    texts: tuple[str, ...]
    passages: tuple[Passage, ...]
    remark: str

    @property
    def difference(self) -> float:
        """What the reference won on it; below 0, what it lost."""
        return self.own - self.base


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """The items that scored `base` with the base and `own` with the reference: how many, and the texts of the first of them."""

    base: float
    own: float
    count: int
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """The winners and losers of one reference on one task, the greatest difference first.

    `measure` says what is compared; `better`, `equal` and `worse` count all items (`item` says what they are). `points` are all of them,
    those of the same two scores together.
    """

    task: str
    reference: str
    base: str
    item: str
    measure: str
    language: str
    winners: tuple[Example, ...]
    losers: tuple[Example, ...]
    better: int
    equal: int
    worse: int
    points: tuple[Point, ...] = ()


def find_examples(result: BenchResult, tasks: Sequence[AbsTask], findings: Findings, leakage: Leakage) -> list[Examples]:
    """Return the winners and losers of every reference that has a base, on every task whose items have values.

    What is left of a task without its leaked items is left out: the whole task shows the same items, and says which were seen.
    """
    by_name, rests = {task.metadata.name: task for task in tasks}, {unseen_name(task.name) for task in result.tasks}
    return [
        _find(result, benched, by_name[benched.name], reference.name, Known(findings, leakage))
        for benched in result.tasks
        for reference in result.references
        if reference.base
        and benched.statistic in MEASURES
        and benched.name not in rests
        and result.score(benched.name, reference.name).items
    ]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of items besides their scores."""

    findings: Findings
    leakage: Leakage


def _find(result: BenchResult, benched: BenchedTask, task: AbsTask, reference: str, known: Known) -> Examples:
    base, measure = result.base_of(reference), MEASURES[benched.statistic]
    assert base is not None
    scores = [result.score(benched.name, name) for name in (base, reference)]
    theirs, own = (measure.value(score.items, benched.gold) for score in scores)
    changes = {item: own[item] - theirs[item] for item in own if item in theirs}
    by_change = sorted(changes, key=lambda item: (-changes[item], item))
    better = [item for item in by_change if changes[item] > _NOTHING]
    worse = [item for item in reversed(by_change) if changes[item] < -_NOTHING]
    texts, seen = _show_items(task), _seen(known.leakage, benched.name, reference)

    def example(item: str) -> Example:
        rankings = {name: known.findings.rankings.get((benched.name, name), {}).get(item) for name in (base, reference)}
        remarks = (measure.remark(item, scores), seen.get(item, ""))
        return _example(item, theirs[item], own[item], texts(item, rankings), remarks)

    return Examples(
        task=benched.name,
        reference=reference,
        base=base,
        item=benched.item,
        measure=measure.name or scores[0].item_metric,
        language="zh" if any(code.startswith(("zho", "cmn")) for code in task.metadata.eval_langs) else "en",
        winners=tuple(map(example, better[:SHOWN])),
        losers=tuple(map(example, worse[:SHOWN])),
        better=len(better),
        equal=len(changes) - len(better) - len(worse),
        worse=len(worse),
        points=tuple(_points(theirs, own, texts)),
    )


def _show_items(task: AbsTask) -> Callable[[str, Rankings], Shown]:
    show = kind_of(task).show_items
    assert show is not None, "items that have values have texts"
    return show(task)


def _points(base: Values, own: Values, texts: Callable[[str, Rankings], Shown]) -> list[Point]:
    """Return the items by their two scores, to four digits as they are written."""
    places: dict[tuple[float, float], list[str]] = defaultdict(list)
    for item in sorted(own.keys() & base.keys()):
        places[round(base[item], 4), round(own[item], 4)].append(item)
    return [
        Point(base=x, own=y, count=len(items), texts=tuple(" / ".join(texts(item, {})[0]) for item in items[:_NAMED]))
        for (x, y), items in sorted(places.items())
    ]


def _seen(leakage: Leakage, task: str, reference: str) -> dict[str, str]:
    found = [each for each in leakage.found if (each.task, each.reference) == (task, reference)]
    return {leak.item: f"seen in training ({leak.how}, by {leak.by})" for each in found for leak in each.leaks}


def _example(item: str, base: float, own: float, described: Shown, remarks: Sequence[str]) -> Example:
    texts, passages, gold = described
    return Example(item=item, base=base, own=own, texts=texts, passages=passages, remark="; ".join(filter(None, (gold, *remarks))))


@dataclass(frozen=True, slots=True)
class Measure:
    """What items are compared by: its name (empty: the metric of the items), items and gold -> values, and what to add to one item."""

    name: str
    value: Callable[[Values, Values], Values]
    remark: Callable[[str, Sequence[Score]], str] = lambda _item, _scores: ""


def _agreement(items: Values, gold: Values) -> Values:
    """Return how near each item's rank among the cosines is to its rank among the gold similarities: 1 the same, 0 the other end."""
    own, theirs = _ranks(items), _ranks(gold)
    return {item: 1 - abs(own[item] - theirs[item]) for item in items}


def _right_side(items: Values, gold: Values) -> Values:
    """Return each item's rank among the cosines, 0 to 1, counted from the bottom where it belongs to the top, else from the top."""
    own = _ranks(items)
    return {item: own[item] if gold[item] else 1 - own[item] for item in items}


def _ranks(values: Values) -> dict[str, float]:
    """Return ranks from 0 (the least) to 1 (the greatest)."""
    ranks = (rankdata(list(values.values())) - 1) / max(1, len(values) - 1)
    return dict(zip(values, ranks.tolist(), strict=True))


def _cosines(item: str, scores: Sequence[Score]) -> str:
    return f"cosine {scores[0].items[item]:.3f} with {scores[0].reference}, {scores[1].items[item]:.3f} with {scores[1].reference}"


MEASURES: dict[StatisticName, Measure] = {
    "mean": Measure("", lambda items, _gold: items),
    "Spearman": Measure("agreement of its rank with the people's", _agreement, _cosines),
    "AP": Measure("rank on its right side", _right_side, _cosines),
}
"""How the items of a task make its score -> what single items are compared by."""
