"""A report is made: the log is read, users are chosen, every metric is measured, and the one that decides is looked at over time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ...plurals import count
from ..experiment.record import Experiment
from ..measures.answers import CLICK, AnswerTable, gather_answers
from ..measures.arms import Measured
from ..measures.metrics import measure_named, metric_named
from ..measures.outcomes import outcomes_until
from ..measures.preference import prefer
from ..measures.segments import segments_of
from ..measures.stretches import moment_of, stretch_at, stretches_of
from .choose import choose_experiment
from .contrast import Primary, metric_rows
from .figures import ArmCount, Flag, Look, MetricRow, PreferenceRow, Report, SegmentRows
from .flags import cut_flag, flag, gathered_flags, week_flag
from .looks import look_times, make_looks, seen_of_lists, seen_of_split
from .people import choose_people
from .request import ReportRequest
from .say import metric_label
from .tuning import Tuning, tune
from .verdict import doubt, judge


def make_report(request: ReportRequest) -> Report:
    """Make the report of an experiment.

    Raises:
        DataError: there is no log, no experiment, or no answer of it.
    """
    experiment, others = choose_experiment(request.folder, request.experiment)
    tuning = tune(request, experiment)
    table, found = gather_answers(request.folder, experiment)
    if not len(table):
        elsewhere = f"; {count(others, 'other experiment')} in the log: --experiment names one" if others else ""
        raise DataError(
            f"the experiment {experiment.id} has no answer with a user yet; requests name one by user or X-Adapt-User{elsewhere}"
        )
    stretches = stretches_of(experiment)
    people = choose_people(table, stretches, is_split=experiment.kind == "split", keep_bots=request.keep_bots)
    flags = (
        *people.flags,
        *cut_flag(request.folder, experiment),
        *gathered_flags(found),
        *([flag("others", experiments=others)] if others else []),
        *tuning.flags,
    )
    measured = Measured(
        table=table,
        found=outcomes_until(table, np.inf, request.counting),
        is_counted=people.is_counted,
        stretch=stretch_at(stretches, table.at),
        counting=request.counting,
        arms=len(experiment.arms),
    )
    return _Making(experiment, tuning, measured, flags).report()


@dataclass(frozen=True)
class _Making:
    experiment: Experiment
    tuning: Tuning
    measured: Measured
    flags: tuple[Flag, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(arm.name for arm in self.experiment.arms)

    def report(self) -> Report:
        """Measure everything."""
        table, tuning, is_split = self.measured.table, self.tuning, self.experiment.kind == "split"
        first, last = float(table.at.min()), float(max(table.at.max(), table.event_at.max(initial=0)))
        looks, counted = self._looks(first, last), _count(table, self.measured.is_counted)
        direction = measure_named(tuning.metric).direction
        of_arm = [[look for look in looks if look.contrast.arm == name] for name in self.names[1:]]
        is_doubtful = any(each.name == "shares" for each in self.flags)
        verdicts = [doubt(each[-1].contrast.arm) if is_doubtful else judge(each, first, tuning, direction) for each in of_arm]
        return Report(
            experiment=self.experiment.id,
            kind=self.experiment.kind,
            created=moment_of(self.experiment.created),
            first=first,
            last=last,
            metric=tuning.metric,
            label=metric_label(tuning.metric, self.measured.counting.k),
            effect=tuning.effect,
            is_default_effect=tuning.is_default,
            alpha=tuning.alpha,
            k=self.measured.counting.k,
            names=self.names,
            users=counted["users"],
            answers=counted["answers"],
            arms=self._counts() if is_split else (),
            rows=self._rows(self.measured) if is_split else (),
            preferences=() if is_split else self._preferences(),
            segments=tuple(self._segments()) if is_split else (),
            looks=looks,
            verdicts=tuple(verdicts),
            flags=(*self.flags, *week_flag(first, last), flag("one look")),
        )

    def _looks(self, first: float, last: float) -> tuple[Look, ...]:
        measured, tuning = self.measured, self.tuning
        if self.experiment.kind == "split":
            seen = seen_of_split(metric_named(tuning.metric), measured)
        else:
            seen = seen_of_lists(measured.table, measured.is_counted, measured.arms)
        return make_looks(seen, look_times(first, last), self.names, tuning.effect, tuning.alpha)

    def _rows(self, measured: Measured) -> tuple[MetricRow, ...]:
        return metric_rows(measured, self.names, Primary(self.tuning.metric, self.tuning.effect, self.tuning.alpha))

    def _segments(self) -> Iterator[SegmentRows]:
        for each in segments_of(self.measured.table, self.measured.is_counted):
            of_segment = self.measured.only(each.answers)
            yield SegmentRows(by=each.by, name=each.name, answers=int(of_segment.is_counted.sum()), rows=self._rows(of_segment))

    def _counts(self) -> tuple[ArmCount, ...]:
        table, chosen = self.measured.table, self.measured.is_counted
        return tuple(
            ArmCount(name=arm.name, reference=arm.reference, **_count(table, chosen & (table.arm == number)))
            for number, arm in enumerate(self.experiment.arms)
        )

    def _preferences(self) -> tuple[PreferenceRow, ...]:
        facts = [each.name for each in fields(PreferenceRow) if each.name != "arm"]
        found = [prefer(self.measured.table, arm, np.inf, self.measured.is_counted) for arm in range(1, self.measured.arms)]
        return tuple(
            PreferenceRow(arm=name, **{fact: getattr(each, fact) for fact in facts})
            for name, each in zip(self.names[1:], found, strict=True)
        )


def _count(table: AnswerTable, chosen: NDArray[np.bool_]) -> dict[str, int]:
    events, is_click = chosen[table.event_answer], table.event_kind == CLICK
    return {
        "users": len(np.unique(table.user[chosen])),
        "answers": int(chosen.sum()),
        "clicks": int((events & is_click).sum()),
        "purchases": int((events & ~is_click).sum()),
    }
