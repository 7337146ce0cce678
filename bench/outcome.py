"""What a bench came to: the scores, judged, and what is written of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from mteb.abstasks import AbsTask

from ..events import QUIET, Events
from ..files import write_file
from ..plurals import count
from ..references import Resolved
from .judge.gate import describe_failures
from .leaks.leakage import Leakage
from .report.curve import WeightCurve
from .report.findings import Findings
from .request import PYTHON, Outputs
from .result import BenchResult
from .run.models import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchOutcome:
    """The result of a bench, and what it was of.

    Attributes:
        result: The scores, with intervals, means and what became of the requirements.
        found: The references.
        models: What was scored.
        tasks: What it was scored on.
        left_out: Task -> why it was not scored.
        leakage: What of the tasks was seen in training.
        findings: What was kept of each query; None where nothing asked for it.
        curves: Of the merges whose weights were searched.
    """

    result: BenchResult
    found: tuple[Resolved, ...]
    models: tuple[Model, ...]
    tasks: tuple[AbsTask, ...]
    left_out: Mapping[str, str]
    leakage: Leakage
    findings: Findings | None
    curves: tuple[WeightCurve, ...]

    @property
    def failures(self) -> list[str]:
        """A line for each requirement that does not hold, with its figures."""
        return describe_failures(self.result.requirements)

    def as_dict(self, *, items: bool = False) -> dict[str, Any]:
        """Return it as JSON can hold it, with the values of single queries and pairs where `items` is set."""
        return self.result.as_dict(items=items) | {"leakage": self.leakage.as_dict(), "left_out": dict(self.left_out)}

    def rows(self) -> list[dict[str, Any]]:
        """Return a row a score: task, reference, its metrics, and the interval of its difference to the base (None for a base)."""
        return [
            {"task": score["task"], "reference": score["reference"], **score["metrics"], "interval": score["interval"]}
            for score in self.result.as_dict()["scores"]
        ]

    def page(self, command: str = PYTHON) -> str:
        """Return the page for people: HTML that fetches nothing.

        Raises:
            ValueError: the request did not say `keep_findings`.
        """
        from .judge.comparisons import compare_references
        from .report.costs import reference_costs
        from .report.examples import find_examples
        from .report.facts import reference_facts, software_facts
        from .report.page import Report, render_report
        from .report.recall import recall_curves

        findings = self._kept()
        return render_report(
            Report(
                result=self.result,
                leakage=self.leakage,
                examples=find_examples(self.result, self.tasks, findings, self.leakage),
                curves=self.curves,
                command=command,
                created=datetime.now().astimezone().isoformat(sep=" ", timespec="minutes"),
                versions=software_facts(),
                references=reference_facts(self.models, self.found),
                comparisons=compare_references(self.result),
                recall=recall_curves(self.result, self.tasks, findings),
                costs=reference_costs(self.models, self.found),
            )
        )

    def write(self, outputs: Outputs, events: Events = QUIET) -> None:
        """Write the files that are asked for, and report each.

        Raises:
            ConfigError: a place cannot be written.
            ValueError: as `page`.
        """
        if outputs.per_query:
            text = json.dumps(self.as_dict(items=True), indent=1, ensure_ascii=False)
            _write(outputs.per_query, f"{text}\n", events)
        if outputs.html:
            _write(outputs.html, self.page(outputs.command), events)
        if outputs.mteb_results:
            written = self.write_mteb_files(outputs.mteb_results)
            events.note(f"wrote {count(len(written), 'result file')} of mteb's under {outputs.mteb_results}")

    def write_mteb_files(self, folder: Path) -> list[Path]:
        """Write mteb's own result files, and return those of the tasks.

        Raises:
            ConfigError: the folder cannot be written.
            ValueError: as `page`.
        """
        from .run.mteb_files import write_mteb_files

        return write_mteb_files(folder, self.models, self._kept().results)

    def _kept(self) -> Findings:
        if self.findings is None:
            raise ValueError("nothing was kept of each query; prepare the bench with keep_findings=True")
        return self.findings


def _write(path: Path, text: str, events: Events) -> None:
    write_file(path, text.encode())
    events.note(f"wrote {path}")
