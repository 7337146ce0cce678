"""A report is made: the log is read, users are chosen, every metric is measured, and the primary one is looked at over time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ..answers import CLICK, AnswerTable, gather_answers
from ..bots import find_bots
from ..experiment import Experiment
from ..measure import Measured
from ..metrics import metric_named
from ..outcomes import outcomes_until
from ..preference import EFFECT, prefer
from ..segments import segments_of
from ..stretches import Stretch, stretch_at, stretches_of
from .choose import choose_experiment
from .contrast import metric_rows
from .figures import ArmCount, Flag, MetricRow, PreferenceRow, Report, SegmentRows
from .flags import crossed_users, flag, gathered_flags, share_check
from .looks import look_times, make_looks, seen_of_lists, seen_of_split
from .request import ReportRequest
from .verdict import judge


def make_report(request: ReportRequest) -> Report:
    """Make the report of an experiment.

    Raises:
        DataError: there is no log, no experiment, no answer of it, or one arm alone.
    """
    experiment, others = choose_experiment(request.folder, request.experiment)
    table, found = gather_answers(request.folder, experiment)
    if not len(table):
        raise DataError(f"the experiment {experiment.id} has no answer with a user yet; requests name one by user or X-Adapt-User")
    stretches = stretches_of(experiment)
    people = _choose_people(table, stretches, request, is_split=experiment.kind == "split")
    flags = (*people.flags, *gathered_flags(found), *([flag("others", experiments=others)] if others else []))
    return _Making(request, experiment, table, people.is_counted, stretch_at(stretches, table.at), flags).report()


@dataclass(frozen=True)
class _People:
    is_counted: NDArray[np.bool_]
    flags: tuple[Flag, ...]


def _choose_people(table: AnswerTable, stretches: tuple[Stretch, ...], request: ReportRequest, *, is_split: bool) -> _People:
    """Say which answers count: those of users whom one arm answered, or several by a ramp alone, and who are no faster than a person."""
    flags: list[Flag] = []
    is_out = np.zeros(table.users, bool)
    if is_split:
        is_out = crossed_users(table, stretch_at(stretches, table.at))
        if is_out.any():
            flags.append(flag("crossed", users=int(is_out.sum())))
        shares = share_check(table, is_out, stretches)
        if shares.is_off:
            flags.append(flag("shares", users=list(shares.users), expected=[round(each) for each in shares.expected], p=shares.p))
        if len(stretches) > 1:
            flags.append(flag("ramps", ramps=len(stretches) - 1))
    bots = find_bots(table)
    if bots.any():
        flags.append(flag("kept bots" if request.keep_bots else "bots", users=int(bots.sum()), answers=int(bots[table.user].sum())))
    is_out = is_out | (bots & (not request.keep_bots))
    return _People(~is_out[table.user], tuple(flags))


@dataclass(frozen=True)
class _Making:
    request: ReportRequest
    experiment: Experiment
    table: AnswerTable
    is_counted: NDArray[np.bool_]
    stretch: NDArray[np.intp]
    flags: tuple[Flag, ...]

    def report(self) -> Report:
        """Measure everything."""
        request, experiment, table = self.request, self.experiment, self.table
        is_split = experiment.kind == "split"
        metric = metric_named(request.metric)
        effect = request.effect or (metric.effect if is_split else EFFECT)
        alpha = request.alpha / (len(experiment.arms) - 1)
        first, last = float(table.at.min()), float(max(table.at.max(), table.event_at.max(initial=0)))
        arms, names = len(experiment.arms), tuple(arm.name for arm in experiment.arms)
        seen = seen_of_split(metric, self._measured(self.is_counted)) if is_split else seen_of_lists(table, self.is_counted, arms)
        looks = make_looks(seen, look_times(first, last), names, effect, alpha)
        direction = metric.direction if is_split else 1
        verdicts = [
            judge(name, [look for look in looks if look.contrast.arm == name], first, effect, direction, alpha, request.power)
            for name in names[1:]
        ]
        notes = (*([] if request.effect else [flag("default effect")]), flag("one look"))
        return Report(
            experiment=experiment.id,
            kind=experiment.kind,
            created=datetime.fromisoformat(experiment.created).timestamp(),
            first=first,
            last=last,
            metric=metric.name if is_split else "preference",
            label=metric.label.format(k=request.counting.k) if is_split else "preference",
            effect=effect,
            is_default_effect=not request.effect,
            alpha=alpha,
            k=request.counting.k,
            names=names,
            arms=self._counts() if is_split else (),
            rows=self._rows(self.is_counted, alpha) if is_split else (),
            preferences=() if is_split else self._preferences(),
            segments=tuple(self._segments(alpha)) if is_split else (),
            looks=looks,
            verdicts=tuple(verdicts),
            flags=(*self.flags, *notes),
        )

    def _of_arm(self, chosen: NDArray[np.bool_]) -> list[NDArray[np.intp]]:
        return [np.flatnonzero(chosen & (self.table.arm == arm)) for arm in range(len(self.experiment.arms))]

    def _measured(self, chosen: NDArray[np.bool_]) -> Measured:
        counting = self.request.counting
        return Measured(
            table=self.table,
            found=outcomes_until(self.table, np.inf, counting),
            is_counted=chosen,
            stretch=self.stretch,
            counting=counting,
            arms=len(self.experiment.arms),
        )

    def _rows(self, chosen: NDArray[np.bool_], alpha: float) -> tuple[MetricRow, ...]:
        return metric_rows(self._measured(chosen), [arm.name for arm in self.experiment.arms], alpha)

    def _segments(self, alpha: float) -> Iterator[SegmentRows]:
        for each in segments_of(self.table):
            chosen = self.is_counted & each.answers
            yield SegmentRows(by=each.by, name=each.name, answers=int(chosen.sum()), rows=self._rows(chosen, alpha))

    def _counts(self) -> tuple[ArmCount, ...]:
        table = self.table
        of_click = table.event_kind == CLICK
        made = []
        for arm, rows in zip(self.experiment.arms, self._of_arm(self.is_counted), strict=True):
            is_own = np.zeros(len(table), bool)
            is_own[rows] = True
            events = is_own[table.event_answer]
            made.append(
                ArmCount(
                    name=arm.name,
                    reference=arm.reference,
                    users=len(np.unique(table.user[rows])),
                    answers=len(rows),
                    clicks=int((events & of_click).sum()),
                    purchases=int((events & ~of_click).sum()),
                )
            )
        return tuple(made)

    def _preferences(self) -> tuple[PreferenceRow, ...]:
        made = []
        for number, arm in list(enumerate(self.experiment.arms))[1:]:
            found = prefer(self.table, number, np.inf, self.is_counted)
            names = ("wins", "losses", "ties", "users_for", "users_against", "sign_p")
            made.append(PreferenceRow(arm=arm.name, **{each: getattr(found, each) for each in names}))
        return tuple(made)
