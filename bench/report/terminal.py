"""A bench's result as text for the terminal: a table for each task, the named columns, and the notes under them."""

from ...plurals import be, count, singular
from ...text_tables import TextTable, fold, lay_out, output_width
from ..result import BenchedReference, BenchedTask, BenchResult, GainKept, SeedSpread, Summary

_DIFFERENCE = "difference [95 %]"
_COLUMNS = ("reference", "domain mean", "gain", "general mean", "general change", "gain kept")


def table_text(result: BenchResult) -> str:
    """Return the tables and the notes under them, as wide as the terminal and whole in a pipe."""
    width = output_width()
    tables = [_task_table(result, task) for task in result.tasks]
    if result.summary:
        tables.append(_summary_table(result))
    texts = [f"{lay_out(table, width)}\n" for table in tables]
    remarks = [line for remark in (*_legend(result), *_remarks(result)) for line in fold(remark, width)]
    return "\n".join([*texts, *remarks])


def _table(title: str, headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> TextTable:
    return TextTable(headings, rows, title, right=frozenset(headings[1:]) - {_DIFFERENCE})


def _task_table(result: BenchResult, task: BenchedTask) -> TextTable:
    shown = task.shown or tuple(result.score(task.name, result.references[0].name).metrics)[:1]
    whose = f", {task.domain}" if task.domain else ", general" if task.role == "general" else ""
    title = f"{task.name}, {task.split} ({count(task.items, singular(task.item))}{whose})"
    headings, rows = ("reference", shown[0], _DIFFERENCE, *shown[1:]), []
    for reference in result.references:
        metrics = result.score(task.name, reference.name).metrics
        others = [f"{metrics[metric]:.4f}" if metric in metrics else "-" for metric in shown[1:]]
        rows.append((reference.name, f"{metrics[shown[0]]:.4f}", _difference(result, task, reference.name, shown[0]), *others))
    rows += [(*_spread_row(group, task), *("" for _ in shown[1:])) for group in result.seed_groups]
    return _table(title, headings, rows)


def _difference(result: BenchResult, task: BenchedTask, reference: str, metric: str) -> str:
    difference, found = result.difference(task.name, reference), result.score(task.name, reference).interval
    if difference is None:
        return ""
    text = f"{difference[metric]:+.4f}"
    if found is None or found.low is None:
        return text
    own = "" if found.metric == metric else f"; {found.metric} {found.difference:+.4f}"
    return f"{text}{own} [{found.low:+.4f}, {found.high:+.4f}]{' *' if found.significant else ''}"


def _spread_row(group: SeedSpread, task: BenchedTask) -> tuple[str, str, str]:
    spread = next(each for each in group.tasks if each.task == task.name)
    return _name_group(group), f"{spread.mean:.4f}", f"± {spread.deviation:.4f}, {spread.least:.4f} to {spread.greatest:.4f}"


def _name_group(group: SeedSpread) -> str:
    benched = len(group.members)
    return f"{group.members[0].partition('@')[0]}, mean of {benched if benched == group.of else f'{benched} of {group.of}'} seeds"


def _summary_table(result: BenchResult) -> TextTable:
    """Return the named columns that hold anything."""
    rows = [_summary_row(each) for each in result.summary]
    kept = [column for column in range(len(_COLUMNS)) if any(row[column] for row in rows)]
    shown = [tuple(row[column] for column in kept) for row in rows]
    return _table("in all", tuple(_COLUMNS[column] for column in kept), shown)


def _summary_row(each: Summary) -> tuple[str, ...]:
    return (
        each.reference,
        _number(each.domain_mean, ".4f"),
        _number(each.gain, "+.4f"),
        _number(each.general_mean, ".4f"),
        _number(each.general_change, "+.4f"),
        "\n".join(map(_kept, each.gain_kept)),
    )


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _kept(kept: GainKept) -> str:
    if kept.share is None:
        return f"{kept.parent}: {kept.difference:+.4f}"
    ends = "" if kept.low is None else f" [{kept.low:.0%}, {kept.high:.0%}]"
    return f"{kept.parent}: {kept.share:.0%}{ends}"


def _legend(result: BenchResult) -> list[str]:
    """Explain what the signs in the tables mean, of those that are there."""
    found = [score.interval for score in result.scores if score.interval]
    tested = [interval for interval in found if interval.p is not None]
    lines = []
    if tested:
        many = f", corrected by Holm for {len(tested)} comparisons" if len(tested) > 1 else ""
        lines.append(f"[ ]: paired bootstrap; *: significant, p < 0.05 by paired permutation{many}")
    if any(each.forgetting is not None for each in result.summary):
        lines.append("general change: the general mean minus the base's; below 0, something was forgotten")
    if any(kept.share is None for each in result.summary for kept in each.gain_kept):
        lines.append("gain kept without %: the difference to the parent, whose own gain may not be above 0")
    return lines


def _remarks(result: BenchResult) -> list[str]:
    remarks = [_describe(reference) for reference in result.references]
    for reference in result.references:
        if missing := [parent for parent in reference.parents if parent not in {each.name for each in result.references}]:
            remarks.append(f"{reference.name}: bench {' and '.join(missing)} beside it to see how much of its gain is kept")
    for task in result.tasks:
        remarks += [f"{task.name}: {note}" for note in task.notes]
        scores = [score for score in result.scores if score.task == task.name]
        if truncated := max((score.truncated for score in scores), default=0):
            remarks.append(f"{task.name}: {count(truncated, 'text')} {be(truncated)} longer than that and {be(truncated)} truncated")
        reasons = dict.fromkeys(score.interval.method for score in scores if score.interval and score.interval.low is None)
        remarks += [f"{task.name}: no interval: {reason.removeprefix('none: ')}" for reason in reasons]
    return remarks


def _describe(reference: BenchedReference) -> str:
    return f"{reference.name}: {reference.description}; {reference.precision}, at most {reference.max_tokens} tokens"
