"""The options of what a bench leaves behind besides its table: a page for people, and mteb's own result files."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..files import check_output_folder, write_file
from ..plurals import count
from .command import Command
from .options import OutputFile, OutputFolder
from .output import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mteb.abstasks import AbsTask

    from ..bench.leaks.leakage import Leakage
    from ..bench.report.curve import WeightCurve
    from ..bench.report.findings import Findings
    from ..bench.result import BenchResult
    from ..bench.run.models import Model
    from ..bench.run.scoring import OnCell
    from ..references import Resolved

_ARGUMENTS = "arguments"


class Remembering(Command):
    """A command that remembers the words that it was called with."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep them before they are read."""
        ctx.meta[_ARGUMENTS] = list(args)
        return super().parse_args(ctx, args)


def called_with() -> str:
    """Return the running command as it would be typed again."""
    ctx = click.get_current_context()
    return shlex.join(["adapt", str(ctx.info_name), *ctx.meta[_ARGUMENTS]])


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOptions:
    """The values of the options."""

    html: Path | None
    mteb_results: Path | None

    def check(self) -> None:
        """Refuse a folder that could not be written, before anything is computed for it.

        Raises:
            ConfigError: it is one.
        """
        if self.mteb_results:
            check_output_folder(self.mteb_results)

    def begin(self, found: Sequence[Resolved]) -> Reports:
        """Read what can be read before anything is scored.

        Raises:
            AdapterError: a merge's record of its weights is damaged.
        """
        from ..bench.report.curve import read_curves
        from ..bench.report.findings import Findings

        return Reports(self, tuple(found), read_curves(found) if self.html else [], Findings())


@dataclass(frozen=True, slots=True)
class Reports:
    """What is written after a bench; `findings` are filled while it runs."""

    options: ReportOptions
    found: tuple[Resolved, ...]
    curves: list[WeightCurve]
    findings: Findings

    @property
    def on_cell(self) -> OnCell | None:
        """What is to be told of each cell while the bench runs; None where nothing of it is needed."""
        return self.findings.keep if self.options.html or self.options.mteb_results else None

    def write(self, result: BenchResult, tasks: Sequence[AbsTask], models: Sequence[Model], leakage: Leakage) -> None:
        """Write what was asked for.

        Raises:
            ConfigError: a place cannot be written.
        """
        if self.options.html:
            write_file(self.options.html, self._page(result, tasks, models, leakage).encode())
            say(f"wrote {self.options.html}")
        if self.options.mteb_results:
            self._write_mteb_files(self.options.mteb_results, models)

    def _page(self, result: BenchResult, tasks: Sequence[AbsTask], models: Sequence[Model], leakage: Leakage) -> str:
        from datetime import datetime

        from ..bench.judge.comparisons import compare_references
        from ..bench.report.costs import reference_costs
        from ..bench.report.examples import find_examples
        from ..bench.report.facts import reference_facts, software_facts
        from ..bench.report.page import Report, render_report
        from ..bench.report.recall import recall_curves

        return render_report(
            Report(
                result=result,
                leakage=leakage,
                examples=find_examples(result, tasks, self.findings, leakage),
                curves=self.curves,
                command=called_with(),
                created=datetime.now().astimezone().isoformat(sep=" ", timespec="minutes"),
                versions=software_facts(),
                references=reference_facts(models, self.found),
                comparisons=compare_references(result),
                recall=recall_curves(result, tasks, self.findings),
                costs=reference_costs(models, self.found),
            )
        )

    def _write_mteb_files(self, folder: Path, models: Sequence[Model]) -> None:
        from ..bench.run.mteb_files import write_mteb_files

        written = write_mteb_files(folder, models, self.findings.results)
        say(f"wrote {count(len(written), 'result file')} of mteb's under {folder}")


def report_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options to a command, which gets them as one argument `report`."""

    @wraps(command)
    def gathered(**values: Any) -> None:
        command(report=ReportOptions(**{field.name: values.pop(field.name) for field in fields(ReportOptions)}), **values)

    mteb = click.option("--mteb-results", metavar="DIR", type=OutputFolder(), help="Also write mteb's own result files, in its layout.")(
        gathered
    )
    return click.option(
        "--html",
        metavar="OUT.html",
        type=OutputFile(),
        help="Also write a page: tables with intervals, charts, and the queries that won and lost most, with their texts.",
    )(mteb)
