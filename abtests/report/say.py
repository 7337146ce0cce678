"""Verdicts and flags in words, English or Chinese; names of arms are shown and not obeyed."""

from __future__ import annotations

from datetime import UTC, datetime

from ...pages.words import PageLanguage, words_of
from ...shown_text import one_line
from ..measures.metrics import measure_named
from .figures import Flag, Report, Verdict
from .flags import FLAGS
from .units import UNITS
from .words import CHINESE

VERDICTS = {
    "ahead": "{arm} is better than {first} in {label}: the always-valid interval excludes 0 since {since}. The test may stop.",
    "behind": "{arm} is worse than {first} in {label}: the always-valid interval excludes 0 since {since}. The test may stop.",
    "alike": "{arm} and {first} do not differ in {label} by {effect} or more. The test may stop.",
    "doubtful": "{arm} against {first} in {label}: no verdict, since users did not come in the shares of the experiment.",
    "open": "{arm} against {first} in {label}: not decided.",
    "too few": "{arm} against {first} in {label}: too few users to decide (100 in each arm, 30 of both with something to count, none with over a fifth).",
}
INTERVAL = "Difference {value}, always-valid interval {low} to {high}."
RECEDED = (
    "The interval of the last look does not say so any more: the decision of that moment stands at its level, but see over time whether the "
    "difference wore off."
)
ENOUGH = "With the traffic so far, a difference of {effect} is found with the chance that was asked for: a smaller one needs more."
LEFT = "A difference of {effect} needs about {days} more at this traffic."


def moment_text(moment: float) -> str:
    """Return a moment in UTC."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M UTC")


def metric_label(name: str, k: int, language: PageLanguage = "en") -> str:
    """Return what a metric is called."""
    return words_of(language, CHINESE)(measure_named(name).label).format(k=k)


def metric_says(name: str, k: int, language: PageLanguage = "en") -> str:
    """Return what a metric is, in a line."""
    return words_of(language, CHINESE)(measure_named(name).says).format(k=k)


def verdict_text(report: Report, verdict: Verdict, language: PageLanguage = "en") -> str:
    """Return a verdict in words, with the time that is left."""
    words = words_of(language, CHINESE)
    said = words(VERDICTS[verdict.state]).format(
        arm=one_line(verdict.arm),
        first=one_line(report.names[0]),
        label=metric_label(report.metric, report.k, language),
        effect=_effect(report),
        since="" if verdict.since is None else moment_text(verdict.since),
    )
    return ("" if language == "zh" else " ").join([said, *_interval(report, verdict, language), *_left(report, verdict, language)])


def difference_text(metric: str, value: float) -> str:
    """Return a difference in its metric's unit, with its sign."""
    digits, suffix = UNITS[measure_named(metric).unit]
    return f"{value:+.{digits}f}{suffix}"


def _effect(report: Report) -> str:
    return f"{report.effect:g}{UNITS[measure_named(report.metric).unit].suffix}"


def _interval(report: Report, verdict: Verdict, language: PageLanguage) -> list[str]:
    words = words_of(language, CHINESE)
    last = next(look.contrast for look in reversed(report.looks) if look.contrast.arm == verdict.arm)
    if last.value is None or last.always_low is None or last.always_high is None:
        return []
    numbers = {"value": last.value, "low": last.always_low, "high": last.always_high}
    said = words(INTERVAL).format(**{name: difference_text(report.metric, number) for name, number in numbers.items()})
    return [said, *([words(RECEDED)] if _has_receded(verdict, (last.always_low, last.always_high), report) else [])]


def _has_receded(verdict: Verdict, interval: tuple[float, float], report: Report) -> bool:
    """Return whether an arm that was found ahead or behind is no longer so at the last look."""
    side = {"ahead": 1, "behind": -1}.get(verdict.state, 0) * measure_named(report.metric).direction
    return side != 0 and min(side * end for end in interval) <= 0


def _left(report: Report, verdict: Verdict, language: PageLanguage) -> list[str]:
    words = words_of(language, CHINESE)
    if verdict.days_left is None:
        return []
    if verdict.days_left == 0:
        return [words(ENOUGH).format(effect=_effect(report))]
    return [words(LEFT).format(effect=_effect(report), days=_days(verdict.days_left, language))]


def _days(days: float, language: PageLanguage) -> str:
    words = words_of(language, CHINESE)
    return words("{n} hours").format(n=max(1, round(days * 24))) if days < 2 else words("{n} days").format(n=f"{days:,.0f}")


def flag_text(flag: Flag, language: PageLanguage = "en") -> str:
    """Return a flag in words."""
    return words_of(language, CHINESE)(FLAGS[flag.name]).format(**{name: _fact(value) for name, value in flag.facts.items()})


def _fact(value: object) -> object:
    if isinstance(value, list):
        return " / ".join(f"{each:,}" for each in value)
    return f"{value:,}" if isinstance(value, int) else value
