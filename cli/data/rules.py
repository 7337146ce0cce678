"""`adapt data rules`: what a domain's rules say of pairs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..command import Command
from ..events import shown
from ..options import WholeNumber, common_options
from ..options.data import tool_options
from ..output import emit
from .text import describe_report

if TYPE_CHECKING:
    from ...datatools.job import ToolRequest


@click.command("rules", cls=Command)
@tool_options
@click.option("--rules", "rules_file", metavar="FILE", type=click.Path(path_type=Path), required=True, help="The rules, a toml file.")
@click.option("--seed", type=WholeNumber(min=0), default=0, show_default=True, metavar="N", help="Draws negatives.")
@common_options
def command(request: ToolRequest, rules_file: Path, seed: int, json_output: bool, registry_dir: Path | None) -> None:  # noqa: ARG001
    """Apply rules to the training pairs of DATA: a value that a query names must, or must not, stand in a passage that answers it.

    Positives and hard negatives are added, false negatives removed; positives that a rule speaks against are told, or dropped.
    """
    from ...datatools.glossaries import apply_rules, read_rules
    from ...datatools.job import run_tool

    rules = read_rules(rules_file)
    with shown() as events:
        report = run_tool(request, lambda data, its: apply_rules(data, rules, its, seed=seed), events)
    emit(report.as_dict(), describe_report(report), json_output)
