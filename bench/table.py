"""A bench's result as text for the terminal: a table for each task, the named columns, and what there is to say under them."""

import io
import shutil
import sys

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .result import BenchedReference, BenchedTask, BenchResult, GainKept, SeedSpread, Summary

_WIDTH_WITHOUT_TERMINAL = 100
_DIFFERENCE = "difference [95 %]"
_COLUMNS = ("reference", "domain mean", "gain", "general mean", "general change", "gain kept")


def table_text(result: BenchResult) -> str:
    """Return the tables and what there is to say under them."""
    buffer = io.StringIO()
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else _WIDTH_WITHOUT_TERMINAL
    console = Console(file=buffer, width=width, force_terminal=sys.stdout.isatty(), highlight=False)
    for task in result.tasks:
        console.print(_task_table(result, task))
    if result.summary:
        console.print(_summary_table(result))
    lines = [line.rstrip() for line in buffer.getvalue().splitlines()]
    return "\n".join([*lines, *_legend(result), *_remarks(result)])


def _table(title: str, *headings: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=Text(title, style="bold"), title_justify="left")
    table.add_column(headings[0], overflow="fold")
    for heading in headings[1:]:
        table.add_column(heading, justify="left" if heading == _DIFFERENCE else "right", no_wrap=True)
    return table


def _task_table(result: BenchResult, task: BenchedTask) -> Table:
    shown = task.shown or tuple(result.score(task.name, result.references[0].name).metrics)[:1]
    whose = f", {task.domain}" if task.domain else ", general" if task.role == "general" else ""
    title = f"{task.name}, {task.split} ({task.items} {task.item}{whose})"
    table = _table(title, "reference", shown[0], _DIFFERENCE, *shown[1:])
    for reference in result.references:
        metrics = result.score(task.name, reference.name).metrics
        others = [f"{metrics[metric]:.4f}" if metric in metrics else "-" for metric in shown[1:]]
        table.add_row(Text(reference.name), f"{metrics[shown[0]]:.4f}", Text(_difference(result, task, reference.name, shown[0])), *others)
    for group in result.seed_groups:
        table.add_row(*_spread_row(group, task))
    return table


def _difference(result: BenchResult, task: BenchedTask, reference: str, metric: str) -> str:
    difference, found = result.difference(task.name, reference), result.score(task.name, reference).interval
    if difference is None:
        return ""
    text = f"{difference[metric]:+.4f}"
    if found is None or found.low is None:
        return text
    own = "" if found.metric == metric else f"; {found.metric} {found.difference:+.4f}"
    return f"{text}{own} [{found.low:+.4f}, {found.high:+.4f}]{' *' if found.significant else ''}"


def _spread_row(group: SeedSpread, task: BenchedTask) -> tuple[Text, str, str]:
    spread = next(each for each in group.tasks if each.task == task.name)
    return Text(_name_group(group)), f"{spread.mean:.4f}", f"± {spread.deviation:.4f}, {spread.least:.4f} to {spread.greatest:.4f}"


def _name_group(group: SeedSpread) -> str:
    benched = len(group.members)
    return f"{group.members[0].partition('@')[0]}, mean of {benched if benched == group.of else f'{benched} of {group.of}'} seeds"


def _summary_table(result: BenchResult) -> Table:
    """Return the named columns that hold anything."""
    rows = [_summary_row(each) for each in result.summary]
    kept = [column for column in range(len(_COLUMNS)) if any(row[column] for row in rows)]
    table = _table("in all", *(_COLUMNS[column] for column in kept))
    for row in rows:
        table.add_row(*(Text(row[column]) for column in kept))
    return table


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
    """Say what the signs in the tables mean, of those that are there."""
    found = [score.interval for score in result.scores if score.interval]
    tested = [interval for interval in found if interval.p is not None]
    lines = []
    if tested:
        many = f", corrected by Holm for {len(tested)} comparisons" if len(tested) > 1 else ""
        lines.append(f"[ ]: paired bootstrap; *: significant, p < 0.05 by paired permutation{many}")
    if any(each.forgetting is not None for each in result.summary):
        lines.append("general change: the general mean less the base's; below 0, something was forgotten")
    if any(kept.share is None for each in result.summary for kept in each.gain_kept):
        lines.append("gain kept without %: the difference to the parent, whose own gain is not sure to be above 0")
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
            remarks.append(f"{task.name}: {truncated} texts were longer than that and were truncated")
        reasons = dict.fromkeys(score.interval.method for score in scores if score.interval and score.interval.low is None)
        remarks += [f"{task.name}: no interval: {reason.removeprefix('none: ')}" for reason in reasons]
    return remarks


def _describe(reference: BenchedReference) -> str:
    return f"{reference.name}: {reference.description}; {reference.precision}, at most {reference.max_tokens} tokens"
