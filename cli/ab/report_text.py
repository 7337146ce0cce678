"""A report as text: the verdict, a table of all metrics, segments, and what is told beside them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...abtests.report.units import UNITS, amount_text
from ...plurals import count
from ...shown_text import one_line
from ..render import render_line, render_table

if TYPE_CHECKING:
    from ...abtests.report.figures import Contrast, MetricRow, Report


def report_text(report: Report) -> str:
    """Return a report as text."""
    return "\n\n".join(part for part in _parts(report) if part)


def _parts(report: Report) -> Iterator[str]:
    from ...abtests.report.say import flag_text, moment_text, verdict_text

    kind = {"split": "arms with users of their own", "interleave": "interleaved lists"}[report.kind]
    when = f"{moment_text(report.first)} to {moment_text(report.last)}"
    counted = f"{count(report.users, 'user')}, {count(report.answers, 'answer')}"
    yield render_line(f"experiment {one_line(report.experiment)}: {kind}, {when}; {counted}")
    yield "\n".join(render_line(verdict_text(report, verdict)) for verdict in report.verdicts)
    if report.arms:
        rows = [
            (one_line(arm.name), one_line(arm.reference), f"{arm.users:,}", f"{arm.answers:,}", f"{arm.clicks:,}", f"{arm.purchases:,}")
            for arm in report.arms
        ]
        headings = ("arm", "reference", "users", "answers", "clicks", "purchases")
        yield render_table(headings, rows, right=headings[2:], title="users and answers that count")
        for number, arm in enumerate(report.arms[1:]):
            yield _metrics(report, number, one_line(arm.name))
    if report.preferences:
        yield _preferences(report)
    yield from _segments(report)
    yield "\n".join(render_line(f"{'warning' if each.is_warning else 'note'}: {flag_text(each)}") for each in report.flags)


def _metrics(report: Report, number: int, name: str) -> str:
    first = one_line(report.arms[0].name)
    rows = [
        (
            ("* " if row.metric == report.metric else "") + row.label,
            amount(row, row.values[0].value),
            amount(row, row.values[number + 1].value),
            difference_text(row, row.contrasts[number]),
            f"{row.contrasts[number].p:.2g}",
            f"{row.contrasts[number].always_p_holm:.2g}",
        )
        for row in report.rows
    ]
    headings = ("metric", first, name if name != first else f"{name} ", "difference, interval", "p, one look", "p, always")
    return render_table(
        headings,
        rows,
        right=headings[1:3] + headings[4:],
        title=f"{name} against {first} (* decides; p, always, of the others: adjusted by Holm)",
    )


def amount(row: MetricRow, value: float | None) -> str:
    """Return a value as its unit is written."""
    return "-" if value is None else amount_text(row.unit, value)


def difference_text(row: MetricRow, contrast: Contrast) -> str:
    """Return a difference with its interval for one look."""
    if contrast.value is None or contrast.low is None or contrast.high is None:
        return "-"
    digits = UNITS[row.unit].digits
    return f"{contrast.value:+.{digits}f} [{contrast.low:+.{digits}f}, {contrast.high:+.{digits}f}]"


def _preferences(report: Report) -> str:
    headings = ("arm", "wins", "losses", "ties", "its clicks", "the first's", "users for", "users against", "p, sign test, one look")
    rows = [
        (
            one_line(each.arm),
            *(f"{number:,}" for number in each.counts),
            f"{each.sign_p:.2g}",
        )
        for each in report.preferences
    ]
    return render_table(headings, rows, right=headings[1:], title="against the first arm: answers by whose items were clicked more")


def _segments(report: Report) -> Iterator[str]:
    if not report.segments:
        return
    names = [one_line(arm.name) for arm in report.arms]
    rows = []
    for segment in report.segments:
        row = next(each for each in segment.rows if each.metric == report.metric)
        values = (amount(row, each.value) for each in row.values)
        rows.append(
            (segment.by, one_line(segment.name), f"{segment.answers:,}", *values, *(difference_text(row, each) for each in row.contrasts))
        )
    differences = [f"difference, {name}" for name in names[1:]]
    headings = ("by", "segment", "answers", *names, *differences)
    yield render_table(headings, rows, right=("answers", *names), title=f"{report.label} by segment (--json has every metric)")
