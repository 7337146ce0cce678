"""A report as one HTML page: the verdict, the difference over time, every metric by arm and by segment, and what is told beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from ...files import write_file
from ...pages.axes import number_axis
from ...pages.charts import LEFT, RIGHT, Chart, Series, lay_out
from ...pages.page import render_page
from ...pages.table import NONE, Table, TableCell, signed
from ...pages.words import PageLanguage, words_of
from .figures import Contrast, Figure, Look, MetricRow, Report
from .flags import DAY
from .say import difference_text, flag_text, metric_label, metric_says, moment_text, verdict_text
from .units import UNITS, amount_text
from .words import CHINESE

Words = Callable[[str], str]
_WIDEST = 8
"""Looks whose interval is so many times as wide as the last one are not drawn: they would flatten all others."""


def write_page(report: Report, path: Path, command: str, language: PageLanguage = "en") -> None:
    """Write the page.

    Raises:
        ConfigError: the file cannot be written.
    """
    write_file(path, render_report(report, command, language).encode("utf-8", "replace"))


def render_report(report: Report, command: str, language: PageLanguage = "en") -> str:
    """Return the page of a report.

    Args:
        report: What it shows.
        command: What was typed.
        language: Of what the page itself says.
    """
    words = words_of(language, CHINESE)
    return render_page(
        Path(__file__).parent,
        "report.html",
        {
            "w": words,
            "language": language,
            "report": report,
            "command": command,
            "kind": words(report.kind),
            "created": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            "first": moment_text(report.first),
            "last": moment_text(report.last),
            "label": metric_label(report.metric, report.k, language),
            "verdicts": [(verdict.state, verdict_text(report, verdict, language)) for verdict in report.verdicts],
            "charts": [(arm, chart) for arm in report.names[1:] if (chart := _chart(report, arm, words))],
            "arms": _arms(report, words) if report.arms else None,
            "metrics": [(name, _metrics(report, number, words, language)) for number, name in enumerate(report.names[1:]) if report.rows],
            "preferences": _preferences(report, words) if report.preferences else None,
            "segments": _segments(report, words) if report.segments else None,
            "flags": [(each.is_warning, flag_text(each, language)) for each in report.flags],
        },
    )


def _chart(report: Report, arm: str, words: Words) -> Chart | None:
    """Lay out the difference of one arm over time, with its always-valid interval."""
    looks = list(_drawn([look for look in report.looks if look.contrast.arm == arm]))
    if not looks:
        return None
    days = [(look.at - report.first) / DAY for look in looks]
    across = number_axis([0, max(days)], LEFT, RIGHT)
    lines = (("always_high", "upper end", "faint"), ("always_low", "lower end", "faint"), ("value", "difference", ""))
    series = [
        Series(
            name=words(name),
            number=0,
            mood=mood,
            points=[_point(report.metric, day, look, what) for day, look in zip(days, looks, strict=True)],
        )
        for what, name, mood in lines
    ]
    return lay_out(words("difference"), words("days"), across, series, 0.0)


def _drawn(looks: Sequence[Look]) -> Iterator[Look]:
    """Give the looks whose interval is known and not too wide to be seen beside the last one."""
    known = [look for look in looks if look.contrast.always_high is not None]
    for look in known:
        if look.is_ready and _reach(look) <= _WIDEST * _reach(known[-1]):
            yield look


def _reach(look: Look) -> float:
    return (look.contrast.always_high or 0) - (look.contrast.value or 0)


def _point(metric: str, day: float, look: Look, what: str) -> tuple[float, float, str]:
    value, low, high = (difference_text(metric, getattr(look.contrast, name)) for name in ("value", "always_low", "always_high"))
    return day, getattr(look.contrast, what), f"{moment_text(look.at)}: {value} [{low}, {high}]"


def _arms(report: Report, words: Words) -> Table:
    rows = tuple(
        (
            TableCell(arm.name),
            TableCell(arm.reference, mood="quiet"),
            *(TableCell(f"{number:,}", number) for number in (arm.users, arm.answers, arm.clicks, arm.purchases)),
        )
        for arm in report.arms
    )
    return Table(tuple(map(words, ("arm", "reference", "users", "answers", "clicks", "purchases"))), rows, numeric=frozenset({2, 3, 4, 5}))


def _metrics(report: Report, number: int, words: Words, language: PageLanguage) -> Table:
    rows = tuple(
        (
            _name(row, report, language),
            *(_value(row, row.values[arm]) for arm in (0, number + 1)),
            *_contrast(row, row.contrasts[number], report.alpha),
        )
        for row in report.rows
    )
    headings = (words("metric"), report.names[0], report.names[number + 1])
    told = ("difference, one look", "p, one look", "difference, always valid", "p, always valid")
    return Table((*headings, *map(words, told)), rows, numeric=frozenset(range(1, 7)))


def _name(row: MetricRow, report: Report, language: PageLanguage) -> TableCell:
    star = "★ " if row.metric == report.metric else ""
    return TableCell(star + metric_label(row.metric, report.k, language), more=metric_says(row.metric, report.k, language))


def _value(row: MetricRow, figure: Figure) -> TableCell:
    if figure.value is None:
        return TableCell(NONE)
    more = (
        "" if figure.low is None or figure.high is None else f"{amount_text(row.unit, figure.low)} – {amount_text(row.unit, figure.high)}"
    )
    return TableCell(amount_text(row.unit, figure.value), figure.value, more=more)


def _contrast(row: MetricRow, contrast: Contrast, alpha: float) -> Iterator[TableCell]:
    """Give both differences with their p; one has a colour where the p beside it, adjusted as it is, is below the level at every look."""
    yield _difference(row, contrast.value, contrast.low, contrast.high)
    yield TableCell(f"{contrast.p:.2g}", contrast.p)
    is_certain = contrast.always_p_holm < alpha
    yield _difference(row, contrast.value, contrast.always_low, contrast.always_high, is_coloured=is_certain)
    yield TableCell(f"{contrast.always_p_holm:.2g}", contrast.always_p_holm)


def _difference(row: MetricRow, value: float | None, low: float | None, high: float | None, *, is_coloured: bool = False) -> TableCell:
    if value is None or low is None or high is None:
        return TableCell(NONE)
    digits = UNITS[row.unit].digits
    mood = ("good" if value * row.direction > 0 else "bad") if is_coloured else ""
    return TableCell(signed(value, digits), value, mood, more=f"{signed(low, digits)} – {signed(high, digits)}")


def _preferences(report: Report, words: Words) -> Table:
    rows = tuple(
        (
            TableCell(each.arm),
            *(TableCell(f"{number:,}", number) for number in each.counts),
            TableCell(f"{each.sign_p:.2g}", each.sign_p),
        )
        for each in report.preferences
    )
    headings = ("arm", "wins", "losses", "ties", "its clicks", "the first's clicks", "users for", "users against", "p, sign test, one look")
    return Table(tuple(map(words, headings)), rows, numeric=frozenset(range(1, 9)))


def _segments(report: Report, words: Words) -> Table:
    rows = []
    for segment in report.segments:
        row = next(each for each in segment.rows if each.metric == report.metric)
        differences = (_difference(row, each.value, each.low, each.high) for each in row.contrasts)
        name = segment.name if segment.by == "segment" else words(segment.name)
        counted = TableCell(f"{segment.answers:,}", segment.answers)
        rows.append((TableCell(name, more=words(segment.by)), counted, *(_value(row, each) for each in row.values), *differences))
    headings = (words("segment"), words("answers"), *report.names, *(f"{words('difference')}: {name}" for name in report.names[1:]))
    return Table(headings, tuple(rows), numeric=frozenset(range(1, len(headings))))
