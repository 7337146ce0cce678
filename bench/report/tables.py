"""The tables of a report: cells with what they say, what they sort by, and what draws the eye to them."""

from collections.abc import Sequence

from ...pages.scale import Scale, fit_scale
from ...pages.table import NONE, IntervalMark, Table, TableCell, signed
from ..leaks.leakage import Leakage
from ..result import BenchedReference, BenchResult, Comparison, GainKept, Interval, Score, Summary
from .costs import Cost
from .recall import RecallCurve

_BAR_WIDTH = 120
GENERAL_CHANGE = "general change (below 0: forgetting)"


def overview(result: BenchResult) -> Table:
    """Return a row a reference: its named columns, and its main score on every task."""
    summaries = {each.reference: each for each in result.summary}
    named = ("domain mean", "gain", "general mean", GENERAL_CHANGE) if result.summary else ()
    last = ("gain kept",) if any(each.gain_kept for each in result.summary) else ()
    rows = []
    for reference in result.references:
        columns = _named(summaries[reference.name]) if result.summary else {}
        tasks = [_score_cell(result, result.score(task.name, reference.name), task.main_metric) for task in result.tasks]
        rows.append((_name_cell(reference), *(columns[each] for each in named), *tasks, *(columns[each] for each in last)))
    headings = ("reference", *named, *(f"{task.name} {task.main_metric}" for task in result.tasks), *last)
    return Table(headings, tuple(rows), frozenset(range(1, len(headings))))


def _name_cell(reference: BenchedReference) -> TableCell:
    return TableCell(reference.name, more=f"{reference.kind}" + (f", {reference.domain}" if reference.domain else ""))


def _named(summary: Summary) -> dict[str, TableCell]:
    kept = [f"{_kept(each)} of {each.parent}" for each in summary.gain_kept]
    shares = [each.share for each in summary.gain_kept if each.share is not None]
    return {
        "domain mean": _number(summary.domain_mean),
        "gain": _change(summary.gain),
        "general mean": _number(summary.general_mean),
        GENERAL_CHANGE: _change(summary.general_change),
        "gain kept": TableCell("\n".join(kept) or NONE, min(shares, default=None), "lines"),
    }


def _kept(kept: GainKept) -> str:
    if kept.share is None:
        return f"({signed(kept.difference)})"
    ends = f" [{kept.low:.0%}, {kept.high:.0%}]" if kept.low is not None and kept.high is not None else ""
    return f"{kept.share:.0%}{ends}"


def _number(value: float | None) -> TableCell:
    return TableCell(NONE) if value is None else TableCell(f"{value:.4f}", value)


def _change(value: float | None) -> TableCell:
    return TableCell(NONE) if value is None else TableCell(signed(value), value)


def _mood(value: float) -> str:
    return "good" if value > 0 else "bad" if value < 0 else ""


def _score_cell(result: BenchResult, score: Score, metric: str) -> TableCell:
    value, difference = score.metrics[metric], result.difference(score.task, score.reference)
    if difference is None:
        return TableCell(f"{value:.4f}", value)
    sure = score.interval is not None and score.interval.significant
    return TableCell(f"{value:.4f}", value, _mood(difference[metric]) if sure else "", signed(difference[metric]) + (" *" if sure else ""))


def differences(result: BenchResult) -> Table:
    """Return a row a task and reference that has a base: the difference with its interval, whether it is significant, and other metrics."""
    scores = [result.score(task.name, reference.name) for task in result.tasks for reference in result.references if reference.base]
    scores = [score for score in scores if score.interval is not None]
    ends = [end for score in scores for end in _ends(score.interval)]
    scale = fit_scale([0.0, *ends], 4, _BAR_WIDTH - 4)
    tasks = {task.name: task for task in result.tasks}
    rows = []
    for score in scores:
        found, task = score.interval, tasks[score.task]
        assert found is not None
        others = [f"{metric} {score.metrics[metric]:.4f}" for metric in task.shown if metric in score.metrics and metric != found.metric]
        rows.append(
            (
                TableCell(score.task, more=f"{found.metric}, {task.items:,} {task.item}, {task.domain or task.role}"),
                TableCell(score.reference),
                _number(score.metrics.get(found.metric, score.metrics[task.main_metric])),
                *_judged(found, scale),
                TableCell(", ".join(others) or NONE, mood="quiet"),
            )
        )
    return Table(("task", "reference", "score", *_JUDGED, "other metrics"), tuple(rows), frozenset({2, 3, 4, 5, 6}))


_JUDGED = ("difference", "95 % interval", "p (Holm)", "significant")


def _judged(found: Interval, scale: Scale) -> tuple[TableCell, ...]:
    """Return the cells under `_JUDGED`."""
    return (
        TableCell(signed(found.difference), found.difference, _mood(found.difference) if found.significant else ""),
        _interval_cell(found, scale),
        TableCell(NONE) if found.p_holm is None else TableCell(f"{found.p_holm:.4f}", found.p_holm),
        TableCell(NONE) if found.p_holm is None else TableCell("yes" if found.significant else "no", float(found.significant)),
    )


def comparisons(found: Sequence[Comparison]) -> Table:
    """Return a row a task and pair of references: which one is better, by how much, and how sure that is."""
    scale = fit_scale([0.0, *(end for each in found for end in _ends(each.interval))], 4, _BAR_WIDTH - 4)
    rows = [
        (
            TableCell(each.task, more=each.interval.metric),
            TableCell(each.first),
            TableCell(each.second),
            *_judged(each.interval, scale),
            TableCell(_better(each), mood="" if each.interval.significant else "quiet"),
        )
        for each in found
    ]
    headings = ("task", "reference", "less", *_JUDGED, "better")
    return Table(headings, tuple(rows), frozenset({3, 4, 5, 6}))


def _better(each: Comparison) -> str:
    if each.interval.p_holm is None:
        return NONE
    if not each.interval.significant:
        return "no significant difference"
    return each.first if each.interval.difference > 0 else each.second


def recall(curve: RecallCurve) -> Table:
    """Return a row a reference, a column a cutoff."""
    rows = [(TableCell(name), *map(_number, values)) for name, values in curve.recall.items()]
    headings = ("reference", *(f"R@{k}" for k in curve.cutoffs))
    return Table(headings, tuple(rows), frozenset(range(1, len(headings))))


def costs(found: Sequence[Cost]) -> Table:
    """Return a row a reference: what it takes on the disk, what its vectors take, and how fast it was."""
    rows = [
        (
            TableCell(each.reference),
            TableCell(NONE) if each.size is None else TableCell(f"{each.size:,}", each.size),
            TableCell(NONE, more="ranks, has no vectors") if each.dimension is None else TableCell(f"{each.dimension:,}", each.dimension),
            TableCell(f"{each.encoded:,}", each.encoded),
            TableCell("kept") if each.texts_per_s is None else TableCell(f"{each.texts_per_s:,.1f}", each.texts_per_s),
        )
        for each in found
    ]
    headings = ("reference", "size of its folder (bytes)", "dimension", "texts encoded in this run", "texts per second")
    return Table(headings, tuple(rows), frozenset({1, 2, 3, 4}))


def _ends(found: Interval | None) -> list[float]:
    return [] if found is None else [end for end in (found.low, found.high, found.difference) if end is not None]


def _interval_cell(found: Interval, scale: Scale) -> TableCell:
    if found.low is None or found.high is None:
        return TableCell("none", mood="quiet", more=found.method.removeprefix("none: "))
    mark = IntervalMark(scale(found.low), scale(found.high), scale(found.difference), scale(0))
    return TableCell(f"{signed(found.low)} to {signed(found.high)}", found.low, interval=mark)


def leaks(leakage: Leakage) -> Table:
    """Return a row a task and reference whose training texts are known, or are not."""
    rows = [
        (
            TableCell(seen.task, more=f"{seen.items:,} {seen.item}"),
            TableCell(seen.reference, more="not recorded: " + ", ".join(seen.unknown) if seen.unknown else ""),
            *(
                TableCell(f"{count:,}", count, "bad" if count else "") if seen.trained else TableCell(NONE)
                for count in seen.counts.values()
            ),
            TableCell(f"{seen.answers_seen:,}", seen.answers_seen) if seen.trained else TableCell(NONE),
        )
        for seen in leakage.found
    ]
    headings = ("task", "reference", "seen with an answer", "seen word for word", "seen nearly", "an answer was trained on")
    return Table(headings, tuple(rows), frozenset({2, 3, 4, 5}))


def seeds(result: BenchResult) -> Table:
    """Return a row a group of seeds and task."""
    rows = [
        (
            TableCell(group.group, more=f"{len(group.members)} of {group.of}: {', '.join(group.members)}"),
            TableCell(spread.task),
            TableCell(spread.metric),
            _number(spread.mean),
            _number(spread.deviation),
            _number(spread.least),
            _number(spread.greatest),
        )
        for group in result.seed_groups
        for spread in group.tasks
    ]
    headings = ("seeds of", "task", "metric", "mean", "standard deviation", "least", "greatest")
    return Table(headings, tuple(rows), frozenset({3, 4, 5, 6}))


def requirements(result: BenchResult) -> Table:
    """Return a row a requirement and reference."""
    rows = [
        (
            TableCell(each.requirement),
            TableCell(each.reference),
            TableCell(each.task, more=each.metric),
            _number(each.value),
            _number(each.limit),
            TableCell("holds" if each.holds else "fails", float(each.holds), "good" if each.holds else "bad"),
        )
        for each in result.requirements
    ]
    return Table(("requirement", "reference", "task", "value", "limit", "verdict"), tuple(rows), frozenset({3, 4}))
