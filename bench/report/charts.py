"""Where the marks of the charts lie; `charts.html` draws them as SVG, so that texts are escaped in one place.

Charts are narrow (`WIDTH` units), so that their letters stay legible on a phone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ...metrics import NDCG_10
from ...pages.scale import Scale, fit_scale
from ...pages.table import signed
from ..result import Summary
from .curve import WeightCurve, WeightLine
from .examples import Examples
from .recall import RecallCurve

WIDTH = 420
_LABEL_WIDTH, _EDGE = 62, 8  # for a number beside a bar, and where there is none
_BAR, _GAP, _NAME = 15, 4, 20
_PANEL = 170
_LEAST_DOT, _MOST_DOT = 4, 11  # the radius of one item, and of the most that coincide
_LEFT, _RIGHT = 46, 22


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar: which series it is of, its value as it is written, and where it and its number lie."""

    series: str
    text: str
    x: float
    y: float
    width: float
    text_x: float
    anchor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BarRow:
    """The bars of one reference under its name."""

    name: str
    y: float
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GainChart:
    """Gain and general change of every reference that has a base; what was lost points to the left."""

    rows: tuple[BarRow, ...]
    scale: Scale
    height: float
    has_general: bool


def gain_chart(summaries: Sequence[Summary]) -> GainChart | None:
    """Lay out the bars of gain and of the change on general tasks; None where nothing was gained or lost against a base."""
    shown = [each for each in summaries if each.gain is not None or each.forgetting is not None]
    values = [value for each in shown for value in _changes(each).values()]
    if not values:
        return None
    left, right = (_LABEL_WIDTH if any(value * side > 0 for value in values) else 3 * _EDGE for side in (-1, 1))
    scale = fit_scale([0.0, *values], left, WIDTH - right)
    rows, y = [], 8.0
    for each in shown:
        rows.append(_row(each, scale, y))
        y += _NAME + len(rows[-1].bars) * (_BAR + _GAP) + 10
    return GainChart(rows=tuple(rows), scale=scale, height=y + 22, has_general=any(each.forgetting is not None for each in shown))


def _changes(summary: Summary) -> dict[str, float]:
    """Return what was gained on domain tasks and on general ones."""
    found = {"gain": summary.gain, "general": summary.general_change}
    return {series: value for series, value in found.items() if value is not None}


def _row(summary: Summary, scale: Scale, y: float) -> BarRow:
    bars = []
    for number, (series, value) in enumerate(_changes(summary).items()):
        ends = sorted((scale(0), scale(value)))
        right = value >= 0
        bars.append(
            Bar(
                series=series,
                text=signed(value),
                x=ends[0],
                y=y + _NAME + number * (_BAR + _GAP),
                width=max(0.5, ends[1] - ends[0]),
                text_x=ends[1] + 5 if right else ends[0] - 5,
                anchor="start" if right else "end",
            )
        )
    return BarRow(name=summary.reference, y=y + 12, bars=tuple(bars))


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One drawn line: its name, the number of its colour, its points as SVG writes them, each point's value, and its base's place."""

    name: str
    number: int
    path: str
    points: tuple[tuple[float, float, str], ...]
    base_y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel of a curve: what its height is, its scale, and its traces."""

    title: str
    scale: Scale
    traces: tuple[Trace, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveChart:
    """One line of a merge's weights: domains above, the general score below, over the same weights."""

    axis: str
    across: Scale
    panels: tuple[Panel, ...]
    chosen: float | None
    top: float = 10
    bottom: float = _PANEL


def curve_charts(curve: WeightCurve) -> list[CurveChart]:
    """Lay out the lines of a merge's weights."""
    return [_curve_chart(curve, line) for line in curve.lines]


def _curve_chart(curve: WeightCurve, line: WeightLine) -> CurveChart:
    across = Scale(0.0, 1.0, _LEFT, WIDTH - _RIGHT, 0.25)
    above = [(domain, row, [ndcg[domain] for ndcg in line.ndcg], curve.base_ndcg[domain]) for row, domain in enumerate(curve.domains)]
    below = [(curve.general_name, len(curve.domains), list(line.general), curve.base_general)]
    panels = [_panel(f"{NDCG_10} on dev", line.x, above, across), _panel(curve.general_name, line.x, below, across)]
    chosen = across(line.chosen) if line.chosen is not None else None
    return CurveChart(axis=line.axis, across=across, panels=tuple(panels), chosen=chosen)


def _panel(title: str, xs: Sequence[float], traces: Sequence[tuple[str, int, list[float], float]], across: Scale) -> Panel:
    scale = fit_scale([value for _, _, values, base in traces for value in (*values, base)], _PANEL, 10)
    drawn = []
    for name, number, values, base in traces:
        points = [(across(x), scale(value), f"{value:.4f}") for x, value in zip(xs, values, strict=True)]
        path = " ".join(f"{x:g},{y:g}" for x, y, _ in points)
        drawn.append(Trace(name=name, number=number, path=path, points=tuple(points), base_y=scale(base)))
    return Panel(title=title, scale=scale, traces=tuple(drawn))


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallChart:
    """Recall over k: the cutoffs stand at equal distances, each with its place, and every reference has a line."""

    task: str
    marks: tuple[tuple[float, str], ...]
    panel: Panel


def recall_chart(curve: RecallCurve) -> RecallChart:
    """Lay out the lines of one task."""
    across = Scale(0.0, max(1.0, len(curve.cutoffs) - 1.0), _LEFT, WIDTH - _RIGHT, 1.0)
    places = [across(place) for place in range(len(curve.cutoffs))]
    scale = fit_scale([value for values in curve.recall.values() for value in values], _PANEL, 10)
    traces = []
    for number, (name, values) in enumerate(curve.recall.items()):
        points = tuple((x, scale(value), f"{value:.4f}") for x, value in zip(places, values, strict=True))
        path = " ".join(f"{x:g},{y:g}" for x, y, _ in points)
        traces.append(Trace(name=name, number=number, path=path, points=points, base_y=points[0][1]))
    marks = tuple((x, f"{k}") for x, k in zip(places, curve.cutoffs, strict=True))
    return RecallChart(task=curve.task, marks=marks, panel=Panel(title="recall", scale=scale, traces=tuple(traces)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """Items of the same two scores: where they lie, how large the dot is, how many they are, on which side, and the text on them."""

    x: float
    y: float
    radius: float
    count: int
    side: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScatterChart:
    """Every item of a task by its base's score (across) and its reference's (up); what was won lies above the diagonal."""

    across: Scale
    up: Scale
    dots: tuple[Dot, ...]


def scatter_chart(found: Examples) -> ScatterChart | None:
    """Lay out the items of one task and reference; None where nothing is known of them."""
    if not found.points:
        return None
    values = [value for point in found.points for value in (point.base, point.own)]
    inset = _MOST_DOT + 2  # so that no dot hides a number beside the axes
    across = fit_scale(values, _LEFT + inset, WIDTH - _RIGHT - inset)
    up = fit_scale(values, WIDTH - _LEFT - inset, 10 + inset)
    most = max(point.count for point in found.points)
    dots = []
    for point in found.points:
        side = "won" if point.own > point.base else "lost" if point.own < point.base else "same"
        more = [f"and {point.count - len(point.texts)} more"] if point.count > len(point.texts) else []
        heading = f"{point.count} {found.item}: {point.base:.4f} with {found.base}, {point.own:.4f} with {found.reference}"
        radius = round(_LEAST_DOT + (_MOST_DOT - _LEAST_DOT) * (point.count - 1) ** 0.5 / max(1, most - 1) ** 0.5, 2)
        text = "\n".join([heading, *point.texts, *more])
        dots.append(Dot(x=across(point.base), y=up(point.own), radius=radius, count=point.count, side=side, text=text))
    return ScatterChart(across=across, up=up, dots=tuple(dots))
