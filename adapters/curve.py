"""The curve of a run while it goes on: what `registry/curve_file.py` keeps of each step."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from ..events import Step
from ..registry.curve_file import CurvePoint, append_points, read_curve, rewrite_curve
from ..registry.runs import curve_of
from .checkpoint import Checkpoint
from .evaluation import Evaluation
from .loop import Run


@dataclass(slots=True)
class RunCurve:
    """Writes a line after each step, then reports the step.

    While the state of an interrupted run is spared, so is its curve, and this run's lines wait. A curve that cannot be written costs the curve
    alone: a full disk stops the run at the next state.
    """

    run: Run
    checkpoint: Checkpoint
    on_step: Callable[[Step], None]
    _waiting: list[CurvePoint] = field(default_factory=list, init=False)
    _is_begun: bool = field(default=False, init=False)

    def step(self, at: Step) -> None:
        """Take a step that is done."""
        self._waiting.append(_point(at))
        if not self.checkpoint.spares_former:
            with suppress(OSError):
                self._write()
        self.on_step(at)

    def _write(self) -> None:
        """Add what waits; the first time, after what the run did before it was interrupted."""
        path = curve_of(self.checkpoint.folder)
        if self._is_begun:
            append_points(path, self._waiting)
        else:
            rewrite_curve(path, [*self._before(self._waiting[0].step), *self._waiting])
            self._is_begun = True
        self._waiting.clear()

    def _before(self, step: int) -> Iterator[CurvePoint]:
        """Give the points before a step: as they were written, and out of the state where they were not."""
        written = {point.step: point for point in read_curve(curve_of(self.checkpoint.folder))} if step > 1 else {}
        evaluated = {each.step: each for each in self.run.state.evaluations}
        for before in range(step):
            if before in written:
                yield written[before]
            elif before or before in evaluated:
                yield self._from_state(before, evaluated.get(before))

    def _from_state(self, step: int, evaluation: Evaluation | None) -> CurvePoint:
        watch = self.run.watch
        return CurvePoint(
            step=step,
            steps=self.run.batches.steps,
            loss=self.run.state.losses[step - 1] if step else None,
            rate=self.run.rate_of(step) if step else None,
            dev=evaluation.score if evaluation else None,
            metric=watch.metric if watch and evaluation else None,
            beside=evaluation.beside if evaluation else {},
        )


def _point(at: Step) -> CurvePoint:
    return CurvePoint(
        step=at.step,
        steps=at.steps,
        loss=at.loss,
        rate=at.rate,
        pairs_per_s=round(at.pairs_per_s, 3),
        time=round(time.time(), 3),
        dev=at.dev if at.is_evaluated else None,
        metric=at.metric if at.is_evaluated else None,
        beside=dict(at.beside) if at.is_evaluated else {},
    )
