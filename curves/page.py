"""Curves as one HTML page."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from ..files import write_file
from ..pages.axes import number_axis
from ..pages.charts import LEFT, RIGHT, Chart, Series, lay_out
from ..pages.page import render_page
from ..pages.table import NONE, Table, TableCell
from ..pages.words import PageLanguage, words_of
from ..registry.curve_file import CurvePoint
from .found import FoundCurve
from .words import CHINESE

Words = Callable[[str], str]
Reads = Callable[[CurvePoint], float | None]


def write_curves(curves: Sequence[FoundCurve], path: Path, language: PageLanguage = "en") -> None:
    """Write the page.

    Raises:
        ConfigError: the file cannot be written.
    """
    write_file(path, render_curves(curves, language).encode("utf-8", "replace"))


def render_curves(curves: Sequence[FoundCurve], language: PageLanguage = "en") -> str:
    """Return the page of some runs' curves.

    Args:
        curves: What it shows, one or more; each has a colour.
        language: Of what the page itself says.
    """
    words = words_of(language, CHINESE)
    return render_page(
        Path(__file__).parent,
        "curves.html",
        {
            "w": words,
            "language": language,
            "curves": curves,
            "created": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            "charts": list(_charts(curves, words)),
            "runs": _runs(curves, words),
            "settings": _settings(curves, words),
        },
    )


def _charts(curves: Sequence[FoundCurve], words: Words) -> Iterator[Chart]:
    """Give a chart for each thing that runs have: the loss, each metric of dev, what is beside it, the rate and the speed."""
    metrics = dict.fromkeys(point.metric for curve in curves for point in curve.points if point.metric is not None)
    beside = dict.fromkeys(name for curve in curves for point in curve.points for name in point.beside)
    reads: dict[str, Reads] = {
        words("loss"): lambda point: point.loss,
        **{f"dev {metric}": _dev(metric) for metric in metrics},
        **{name: _beside(name) for name in beside},
        words("learning rate"): lambda point: point.rate,
        words("pairs per second"): lambda point: point.pairs_per_s,
    }
    last = max((curve.points[-1].step for curve in curves if curve.points), default=1)
    across = number_axis([0, max(1, last)], LEFT, RIGHT, whole=True)
    for title, read in reads.items():
        series = [_series(number, curve, read) for number, curve in enumerate(curves)]
        chart = lay_out(title, words("step"), across, [each for each in series if each.points])
        if chart is not None:
            yield chart


def _dev(metric: str) -> Reads:
    return lambda point: point.dev if point.metric == metric else None


def _beside(name: str) -> Reads:
    return lambda point: point.beside.get(name)


def _series(number: int, curve: FoundCurve, read: Reads) -> Series:
    points = [
        (float(point.step), value, f"{curve.name}, {point.step}: {value:.4g}")
        for point in curve.points
        if (value := read(point)) is not None
    ]
    return Series(name=curve.name, number=number, points=points)


def _runs(curves: Sequence[FoundCurve], words: Words) -> Table:
    headings = ("run", "state", "steps", "last loss", "best on dev", "at step", "domain", "base", "data")
    return Table(tuple(map(words, headings)), tuple(_row(curve, words) for curve in curves), frozenset({2, 3, 4, 5}))


def _row(curve: FoundCurve, words: Words) -> tuple[TableCell, ...]:
    last = curve.points[-1] if curve.points else CurvePoint(step=0)
    scored = [point for point in curve.points if point.dev is not None and point.step > 0]
    best = max(scored, key=lambda point: (point.dev or 0.0, -point.step), default=None)
    of = f" / {last.steps}" if last.steps and last.steps != last.step else ""
    return (
        TableCell(curve.name),
        TableCell(words(curve.state)),
        TableCell(f"{last.step}{of}", last.step),
        TableCell(NONE if last.loss is None else f"{last.loss:.4f}", last.loss),
        TableCell(NONE) if best is None or best.dev is None else TableCell(f"{best.dev:.4f}", best.dev, more=best.metric or ""),
        TableCell(NONE) if best is None else TableCell(str(best.step), best.step),
        *(TableCell(curve.about.get(name, NONE)) for name in ("domain", "base", "data")),
    )


def _settings(curves: Sequence[FoundCurve], words: Words) -> Table | None:
    """Return the settings that differ, a row each; None where none does, or one run is shown."""
    known = [curve for curve in curves if curve.settings]
    names = dict.fromkeys(name for curve in known for name in curve.settings)
    rows = [(name, [_shown(curve, name) for curve in known]) for name in names]
    differing = tuple((TableCell(name), *map(TableCell, values)) for name, values in rows if len(set(values)) > 1)
    return Table((words("setting"), *(curve.name for curve in known)), differing) if differing else None


def _shown(curve: FoundCurve, name: str) -> str:
    if name not in curve.settings:
        return NONE
    value = curve.settings[name]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
