"""A report is made: the log is read, users are chosen, every metric is measured, and the primary one is looked at over time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ..answers import CLICK, AnswerTable, gather_answers
from ..bots import find_bots
from ..metrics import metric_named
from ..outcomes import outcomes_until
from ..preference import EFFECT, prefer
from ..read_experiments import ExperimentRecord, choose_experiment
from ..segments import segments_of
from .contrast import metric_rows
from .figures import ArmCount, Flag, PreferenceRow, Report, SegmentRows
from .flags import flag, gathered_flags, share_check, users_by_arm
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
    if len(experiment.arms) < 2:
        raise DataError(f"the experiment {experiment.id} has one arm, {experiment.names[0]}; a comparison needs two or more")
    if not len(table):
        raise DataError(f"the experiment {experiment.id} has no answer with a user yet; requests name one by user or X-Adapt-User")
    people = _choose_people(table, experiment, request)
    flags = (*people.flags, *gathered_flags(found), *([flag("others", experiments=others)] if others else []))
    return _Making(request, experiment, table, people.is_counted, flags).report()


@dataclass(frozen=True)
class _People:
    is_counted: NDArray[np.bool_]
    flags: tuple[Flag, ...]


def _choose_people(table: AnswerTable, experiment: ExperimentRecord, request: ReportRequest) -> _People:
    """Say which answers count: those of users in one arm who are no faster than a person."""
    flags: list[Flag] = []
    is_out = np.zeros(table.users, bool)
    if experiment.kind == "split":
        seen = users_by_arm(table, len(experiment.arms))
        is_out = seen.sum(axis=1) > 1
        if is_out.any():
            flags.append(flag("crossed", users=int(is_out.sum())))
        shares = share_check(table, seen, experiment)
        if shares.is_off:
            flags.append(flag("shares", users=list(shares.users), expected=[round(each) for each in shares.expected], p=shares.p))
    bots = find_bots(table)
    if bots.any():
        flags.append(flag("kept bots" if request.keep_bots else "bots", users=int(bots.sum()), answers=int(bots[table.user].sum())))
    is_out |= bots & (not request.keep_bots)
    return _People(~is_out[table.user], tuple(flags))


@dataclass(frozen=True)
class _Making:
    request: ReportRequest
    experiment: ExperimentRecord
    table: AnswerTable
    is_counted: NDArray[np.bool_]
    flags: tuple[Flag, ...]

    def report(self) -> Report:
        """Measure everything."""
        request, experiment, table = self.request, self.experiment, self.table
        is_split = experiment.kind == "split"
        metric = metric_named(request.metric)
        effect = request.effect or (metric.effect if is_split else EFFECT)
        alpha = request.alpha / (len(experiment.arms) - 1)
        first, last = float(table.at.min()), float(max(table.at.max(), table.event_at.max(initial=0)))
        arms, names = len(experiment.arms), experiment.names
        seen = (
            seen_of_split(metric, table, self.is_counted, arms, request.counting)
            if is_split
            else seen_of_lists(table, self.is_counted, arms)
        )
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
            created=experiment.created,
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

    def _rows(self, chosen: NDArray[np.bool_], alpha: float):
        found = outcomes_until(self.table, np.inf, self.request.counting)
        return metric_rows(self.table, found, self._of_arm(chosen), self.experiment.names, self.request.counting, alpha)

    def _segments(self, alpha: float):
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
        for number, name in list(enumerate(self.experiment.names))[1:]:
            found = prefer(self.table, number, np.inf, self.is_counted)
            names = ("wins", "losses", "ties", "users_for", "users_against", "sign_p")
            made.append(PreferenceRow(arm=name, **{each: getattr(found, each) for each in names}))
        return tuple(made)
