"""A bench that can begin: what it will take, or its scores. `prepare.py` makes it of a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..events import QUIET, Events, note_once

if TYPE_CHECKING:
    from mteb.abstasks import AbsTask

    from ..references import Resolved
    from .cost.plan import BenchPlan
    from .judge.requirement import Requirement
    from .judge.roles import Background
    from .leaks.leakage import Leakage
    from .outcome import BenchOutcome
    from .report.curve import WeightCurve
    from .request import BenchRequest
    from .run.models import Model
    from .tasks.hub_task import HubTask


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchJob:
    """A bench that can begin.

    Attributes:
        request: What was asked for.
        found: The references.
        models: What is scored: the references, and before them their bases.
        tasks: What they are scored on.
        pending: MTEB's tasks that a dry run has left on the Hub.
        left_out: Task -> why it is not scored.
        leakage: What of the tasks was seen in training.
        background: What the scores are compared with.
        requirements: What must hold.
        curves: Of the merges whose weights were searched, for the page.
    """

    request: BenchRequest
    found: tuple[Resolved, ...]
    models: tuple[Model, ...]
    tasks: tuple[AbsTask, ...]
    pending: tuple[HubTask, ...]
    left_out: Mapping[str, str]
    leakage: Leakage
    background: Background
    requirements: tuple[Requirement, ...]
    curves: tuple[WeightCurve, ...]

    def plan(self, events: Events = QUIET) -> BenchPlan:
        """Count texts and tokens and measure the speed; nothing is scored.

        Raises:
            AdaptError: a model cannot do a task.
        """
        from .cost.plan import plan
        from .run.cells import open_caches
        from .tasks.notes import notes_of

        for task in self.tasks:  # a result has them itself
            for note in notes_of(task):
                events.note(f"{task.metadata.name}: {note}")
        return plan(self.models, self.tasks, open_caches(self.request.cache), self.pending)

    def run(self, events: Events = QUIET) -> BenchOutcome:
        """Score every model on every task, and judge the scores. What is interrupted goes on from the scores that are kept.

        Raises:
            AdaptError: a model cannot do a task, or two tasks have one name.
            ValueError: the request was of a dry run.
        """
        from .judge.judgement import judge_result
        from .outcome import BenchOutcome
        from .report.findings import Findings
        from .run.cells import open_caches
        from .run.scoring import BenchProgress, bench

        if self.request.dry_run:
            raise ValueError("the request is of a dry run, which may have left tasks on the Hub; call plan, or prepare it without dry_run")
        caches, findings = open_caches(self.request.cache), Findings() if self.request.keeps_findings else None

        def tell(at: BenchProgress) -> None:
            events.progress(f"{at.task} with {at.reference}", at.done, at.total)

        try:
            result = bench(self.models, self.tasks, tell, caches, findings.keep if findings else None)
        except KeyboardInterrupt:
            note_once(events, caches.describe_interruption(len(self.models) * len(self.tasks)))
            raise
        note_once(events, caches.describe_use())
        return BenchOutcome(
            result=judge_result(result, self.requirements, self.tasks, self.background),
            found=self.found,
            models=self.models,
            tasks=self.tasks,
            left_out=self.left_out,
            leakage=self.leakage,
            findings=findings,
            curves=self.curves,
        )
