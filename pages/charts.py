"""Charts of a page: lines and dots over an axis, and bars of shares; `lines.html` draws them as SVG, so that texts are escaped in one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .axes import Axis, NumberAxis, number_axis

WIDTH, HEIGHT = 420, 220
LEFT, RIGHT, TOP, BOTTOM = 52.0, 398.0, 12.0, 176.0
MOST_POINTS = 240
"""A line of more points is drawn through the means of so many stretches of it."""
_DOTS = 40  # more points of a line are drawn without dots


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Points of one name: (x, y, what is said of the point). `number` is its colour, `mood` how it looks (quiet)."""

    name: str
    number: int
    points: Sequence[tuple[float | str, float, str]]
    mood: str = ""
    is_line: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A series where it lies: `path` as SVG writes it, empty without a line, and dots with what is said of them."""

    name: str
    number: int
    mood: str
    path: str
    dots: tuple[tuple[float, float, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart, laid out."""

    title: str
    across: Axis
    up: NumberAxis
    axis: str
    drawn: tuple[Drawn, ...]
    level: float | None = None
    width: int = WIDTH
    height: int = HEIGHT
    left: float = LEFT
    right: float = RIGHT
    top: float = TOP
    bottom: float = BOTTOM


def lay_out(title: str, axis: str, across: Axis, series: Sequence[Series], level: float | None = None) -> Chart | None:
    """Lay out series over an axis from `LEFT` to `RIGHT`; None where there is no point.

    Args:
        title: What is measured upwards.
        axis: What is measured across.
        across: The axis.
        series: What is drawn, the last on top.
        level: A height that is marked by a line across, such as the base's.
    """
    heights = [y for each in series for _, y, _ in each.points] + ([] if level is None else [level])
    if not any(each.points for each in series):
        return None
    up = number_axis(heights, BOTTOM, TOP)
    drawn = tuple(_draw(each, across, up) for each in series)
    return Chart(title=title, across=across, up=up, axis=axis, drawn=drawn, level=None if level is None else up.place(level))


def _draw(series: Series, across: Axis, up: NumberAxis) -> Drawn:
    placed = [(across.place(x), up.place(y), text) for x, y, text in series.points]
    path = " ".join(f"{x:g},{y:g}" for x, y, _ in _thinned(placed)) if series.is_line and len(placed) > 1 else ""
    dots = tuple(placed) if not path or len(placed) <= _DOTS else ()
    return Drawn(name=series.name, number=series.number, mood=series.mood, path=path, dots=dots)


def _thinned(points: Sequence[tuple[float, float, str]]) -> list[tuple[float, float, str]]:
    """Return the means of stretches of many points."""
    length = -(-len(points) // MOST_POINTS)
    if length == 1:
        return list(points)
    stretches = [points[start : start + length] for start in range(0, len(points), length)]
    return [(round(sum(x for x, _, _ in part) / len(part), 2), round(sum(y for _, y, _ in part) / len(part), 2), "") for part in stretches]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareBar:
    """A share as a bar: its name, its text, and how long it is."""

    name: str
    text: str
    y: float
    width: float


def share_bars(shares: Sequence[tuple[str, float]]) -> list[ShareBar]:
    """Lay out shares, 0 to 1, as bars under their names; the greatest fills the width that leaves room for its number."""
    most = max((share for _, share in shares), default=1.0) or 1.0
    return [
        ShareBar(name=name, text=f"{share:.0%}", y=row * 38.0, width=max(1.0, round(share / most * (WIDTH - 60), 2)))
        for row, (name, share) in enumerate(shares)
    ]
