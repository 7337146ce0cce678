"""Verdicts and flags in words, English or Chinese; names and arms are shown and not obeyed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from ...pages.words import PageLanguage, words_of
from ...shown_text import one_line
from .figures import Flag, Report, Verdict
from .flags import FLAGS
from .words import CHINESE

VERDICTS = {
    "ahead": "{arm} is better than {first} in {label}: the always-valid interval excludes 0 since {since}. The test may stop.",
    "behind": "{arm} is worse than {first} in {label}: the always-valid interval excludes 0 since {since}. The test may stop.",
    "alike": "{arm} and {first} do not differ in {label} by {effect:g} or more. The test may stop.",
    "open": "{arm} against {first} in {label}: not decided.",
    "too few": "{arm} against {first} in {label}: too few users to decide (100 in each arm, 30 of them with something to count).",
}
LEFT = "A difference of {effect:g} needs about {days} more at this traffic."


def verdict_text(report: Report, verdict: Verdict, language: PageLanguage = "en") -> str:
    """Return a verdict in words, with the time that is left."""
    words = words_of(language, CHINESE)
    facts = {
        "arm": one_line(verdict.arm),
        "first": one_line(report.names[0]),
        "label": words(report.label),
        "effect": report.effect,
        "since": "" if verdict.since is None else datetime.fromtimestamp(verdict.since, UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }
    said = words(VERDICTS[verdict.state]).format(**facts)
    if verdict.days_left is None:
        return said
    return said + " " + words(LEFT).format(effect=report.effect, days=_days(verdict.days_left, words))


def _days(days: float, words) -> str:
    return words("{n} hours").format(n=max(1, round(days * 24))) if days < 2 else words("{n} days").format(n=f"{days:,.0f}")


def flag_text(flag: Flag, language: PageLanguage = "en") -> str:
    """Return a flag in words."""
    facts: Mapping[str, object] = {name: _fact(value) for name, value in flag.facts.items()}
    return words_of(language, CHINESE)(FLAGS[flag.name]).format(**facts)


def _fact(value: object) -> object:
    if isinstance(value, list):
        return " / ".join(f"{each:,}" for each in value)
    return f"{value:,}" if isinstance(value, int) else value
