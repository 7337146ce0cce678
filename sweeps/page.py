"""A sweep as one HTML page: its trials over time, what mattered, scores during training, and the settings of the best."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from ..adapters.settings.file import write_settings
from ..files import write_file
from ..pages.axes import Axis, NameAxis, NumberAxis, log_axis, number_axis
from ..pages.charts import LEFT, RIGHT, Chart, Series, lay_out, share_bars
from ..pages.page import render_page
from ..pages.table import NONE, Table, TableCell, signed
from ..pages.words import PageLanguage, words_of
from ..versions import library_versions
from .dimension import Choice, Dimension
from .outcome import SweepOutcome
from .records import TrialRecord, describe_value
from .words import CHINESE

_LIBRARIES = ("optuna", "torch", "transformers", "peft")
Words = Callable[[str], str]


def write_page(outcome: SweepOutcome, path: Path, command: str, language: PageLanguage = "en") -> None:
    """Write the page.

    Raises:
        ConfigError: the file cannot be written.
    """
    write_file(path, render_sweep(outcome, command, language).encode("utf-8", "replace"))


def render_sweep(outcome: SweepOutcome, command: str, language: PageLanguage = "en") -> str:
    """Return the page of a sweep.

    Args:
        outcome: What it gave.
        command: What was typed.
        language: Of what the page itself says.
    """
    words = words_of(language, CHINESE)
    best = outcome.best.score
    return render_page(
        Path(__file__).parent,
        "sweep.html",
        {
            "w": words,
            "language": language,
            "outcome": outcome,
            "command": command,
            "created": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            "gain": signed(best - outcome.before) if best is not None and outcome.before is not None else "",
            "history": _history(outcome, words),
            "bars": share_bars(list(outcome.importances.items())),
            "settings": [chart for each in outcome.space.dimensions if (chart := _by_setting(outcome, each)) is not None],
            "curves": _curves(outcome, words),
            "trials": _table(outcome, words),
            "best_settings": write_settings(_settings(outcome)),
            "versions": (*library_versions(*_LIBRARIES).items(), ("Python", platform.python_version())),
        },
    )


def _settings(outcome: SweepOutcome) -> dict[str, object]:
    """Return the settings of the best trial, as `--config` takes them."""
    from ..adapters.settings.groups import dotted_names

    known = set(dotted_names().values())
    return {name: value for name, value in outcome.entry.config.items() if name in known}


def _by_number(outcome: SweepOutcome) -> list[TrialRecord]:
    return sorted(outcome.trials, key=lambda each: each.number)


def _history(outcome: SweepOutcome, words: Words) -> Chart | None:
    """Lay out the score of each trial, and the best one so far."""
    trials = [each for each in _by_number(outcome) if each.score is not None]
    axis = number_axis([0, max(1, *(each.number for each in outcome.trials))], LEFT + 8, RIGHT - 8, whole=True)
    dots = [
        Series(name=words(state), number=number, mood=mood, is_line=False, points=[_point(each.number, each, outcome) for each in of])
        for state, number, mood in (("pruned", 7, "faint"), ("complete", 0, ""))
        if (of := [each for each in trials if each.state == state])
    ]
    line = Series(name=words("best so far"), number=1, points=list(_best_so_far(trials)))
    return lay_out(outcome.metric, words("trial"), axis, [line, *dots], outcome.before)


def _best_so_far(trials: Sequence[TrialRecord]) -> Iterator[tuple[float | str, float, str]]:
    best = -1.0
    for each in trials:
        if each.state != "complete" or each.score is None:
            continue
        if best >= 0:
            yield each.number, best, ""
        best = max(best, each.score)
        yield each.number, best, ""


def _point(x: float | str, trial: TrialRecord, outcome: SweepOutcome) -> tuple[float | str, float, str]:
    score = trial.score or 0.0
    return x, score, f"{trial.number}: {outcome.metric} {score:.4f}\n{trial.describe()}"


def _by_setting(outcome: SweepOutcome, dimension: Dimension) -> Chart | None:
    """Lay out the scores of trials over what they had of a setting."""
    name = dimension.name
    having = [each for each in _by_number(outcome) if name in each.settings and each.score is not None]
    if not having:
        return None
    axis = _axis(dimension, [each.settings[name] for each in having])
    series = [
        Series(
            name=state,
            number=number,
            mood=mood,
            is_line=False,
            points=[_point(_across(axis, each.settings[name]), each, outcome) for each in having if each.state == state],
        )
        for state, number, mood in (("pruned", 7, "faint"), ("complete", 0, ""))
    ]
    return lay_out(outcome.metric, name, axis, [each for each in series if each.points], outcome.before)


def _axis(dimension: Dimension, values: Sequence[Choice]) -> Axis:
    if dimension.choices:
        return NameAxis(tuple(describe_value(choice) for choice in dimension.choices), LEFT, RIGHT)
    numbers = [float(str(value)) for value in values]
    return (log_axis if dimension.log else number_axis)(numbers, LEFT + 8, RIGHT - 8)


def _across(axis: Axis, value: Choice) -> float | str:
    return float(str(value)) if isinstance(axis, NumberAxis) else describe_value(value)


def _curves(outcome: SweepOutcome, words: Words) -> Chart | None:
    """Lay out what trials scored while they went on; the end of a complete one is its last score there, which is not always the kept one."""
    across = number_axis([0, 1], LEFT, RIGHT)
    series = []
    for each in _by_number(outcome):
        points = [(at / 1000, score, f"{each.number}: {score:.4f}") for at, score in sorted(each.curve.items())]
        start = [(0.0, each.before, f"{each.number}: {each.before:.4f}")] if each.before is not None and points else []
        is_best = each.number == outcome.best.number
        mood = "" if is_best else "faint"
        if points:
            series.append(Series(name=f"{words('trial')} {each.number}", number=1 if is_best else 7, mood=mood, points=[*start, *points]))
    return lay_out(outcome.metric, words("share of the steps"), across, sorted(series, key=lambda each: each.number == 1), outcome.before)


def _table(outcome: SweepOutcome, words: Words) -> Table:
    names = [each.name for each in outcome.space.dimensions]
    failed = any(each.state == "failed" for each in outcome.trials)
    headings = (words("trial"), outcome.metric, words("state"), *names, words("seconds"), *((words("why"),) if failed else ()))
    rows = tuple(
        (
            TableCell(str(each.number), each.number, "good" if each.number == outcome.best.number else ""),
            TableCell(NONE if each.score is None else f"{each.score:.4f}", each.score),
            TableCell(words(each.state)),
            *(_setting_cell(each, name) for name in names),
            TableCell(NONE if each.seconds is None else f"{each.seconds:.1f}", each.seconds),
            *((TableCell(each.why if each.state == "failed" else NONE, mood="quiet"),) if failed else ()),
        )
        for each in outcome.trials
    )
    numeric = {0, 1, 3 + len(names), *(3 + row for row, each in enumerate(outcome.space.dimensions) if not each.choices)}
    return Table(headings, rows, frozenset(numeric))


def _setting_cell(trial: TrialRecord, name: str) -> TableCell:
    if name not in trial.settings:
        return TableCell(NONE)
    value = trial.settings[name]
    return TableCell(describe_value(value), float(value) if isinstance(value, int | float) else None)
