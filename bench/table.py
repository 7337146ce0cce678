"""A bench's result as a table for the terminal: a column for each reference, with its difference to the base."""

import io
import shutil
import sys

from rich.console import Console
from rich.table import Table

from .result import BenchedTask, BenchResult

_WIDTH_WITHOUT_TERMINAL = 160


def table_text(result: BenchResult) -> str:
    """Return the table and what there is to say under it."""
    buffer = io.StringIO()
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else _WIDTH_WITHOUT_TERMINAL
    console = Console(file=buffer, width=width, force_terminal=sys.stdout.isatty())
    console.print(_table(result))
    return buffer.getvalue() + "\n".join(_remarks(result))


def _table(result: BenchResult) -> Table:
    table = Table()
    table.add_column("task", overflow="fold")
    table.add_column("metric")
    for reference in result.references:
        table.add_column(reference.name, justify="right", overflow="fold")
    for task in result.tasks:
        metrics = result.score(task.name, result.references[0].name).metrics
        for row, metric in enumerate(metrics):
            label = f"{task.name}, {task.split} ({task.items} {task.item})" if row == 0 else ""
            table.add_row(
                label,
                metric,
                *(_cell(result, task, reference.name, metric) for reference in result.references),
                end_section=row == len(metrics) - 1,
            )
    return table


def _cell(result: BenchResult, task: BenchedTask, reference: str, metric: str) -> str:
    value, difference = result.score(task.name, reference).metrics[metric], result.difference(task.name, reference)
    return f"{value:.4f}" if difference is None else f"{value:.4f} ({difference[metric]:+.4f})"


def _remarks(result: BenchResult) -> list[str]:
    remarks = [
        f"{reference.name}: {reference.description}; {reference.precision}, at most {reference.max_tokens} tokens"
        for reference in result.references
    ]
    for task in result.tasks:
        truncated = {score.truncated for score in result.scores if score.task == task.name and score.truncated}
        if truncated:
            remarks.append(f"{task.name}: {max(truncated)} texts were longer than that and were truncated")
    return remarks
