"""The weight curve of a merge, where its weights were searched for (`registry/search_file.py`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...references import Resolved
from ...registry.search_file import GeneralKind, Line, read_search

_GENERAL: dict[GeneralKind, str] = {"spearman": "general: Spearman on dev", "closeness": "closeness to the base (cosine)"}


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightLine:
    """Merges along one line through the weights.

    Attributes:
        axis: What x is.
        x: 0 to 1, ascending.
        ndcg: Of each merge: domain -> nDCG@10 on dev.
        general: Of each merge.
        chosen: The x of the weights that were chosen, where they lie on this line.
    """

    axis: str
    x: tuple[float, ...]
    ndcg: tuple[Mapping[str, float], ...]
    general: tuple[float, ...]
    chosen: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightCurve:
    """The lines of one merge, the base that they are compared with, and the weights that were chosen."""

    reference: str
    names: tuple[str, ...]
    weights: tuple[float, ...]
    domains: tuple[str, ...]
    general_name: str
    base_ndcg: Mapping[str, float]
    base_general: float
    lines: tuple[WeightLine, ...]


def read_curves(found: Sequence[Resolved]) -> list[WeightCurve]:
    """Read the curves of those references that have one.

    Raises:
        AdapterError: a `search.json` is damaged.
    """
    curves = [_read(resolved) for resolved in found]
    return [curve for curve in curves if curve is not None]


def _read(resolved: Resolved) -> WeightCurve | None:
    search = read_search(resolved.folder) if resolved.kind == "merge" and resolved.folder else None
    if search is None or search.curve is None:
        return None
    curve = search.curve
    return WeightCurve(
        reference=resolved.reference,
        names=curve.names,
        weights=search.weights,
        domains=curve.domains,
        general_name=_GENERAL[curve.general_kind],
        base_ndcg=curve.base.ndcg,
        base_general=curve.base.general,
        lines=tuple(_line(line, search.weights) for line in curve.lines),
    )


def _line(line: Line, weights: tuple[float, ...]) -> WeightLine:
    points = line.points
    return WeightLine(
        axis=line.axis,
        x=tuple(each.x for each in points),
        ndcg=tuple(each.measurement.ndcg for each in points),
        general=tuple(each.measurement.general for each in points),
        chosen=_place(weights, points[0].point.weights, points[-1].point.weights),
    )


def _place(weights: Sequence[float], start: Sequence[float], end: Sequence[float]) -> float | None:
    """Return x with weights = (1 - x) start + x end; None where they lie off the line."""
    moved = max(range(len(weights)), key=lambda row: abs(end[row] - start[row]))
    if start[moved] == end[moved]:
        return None
    x = (weights[moved] - start[moved]) / (end[moved] - start[moved])
    on_it = all(abs((1 - x) * one + x * other - own) < 1e-3 for one, other, own in zip(start, end, weights, strict=True))
    return x if on_it and -1e-9 <= x <= 1 + 1e-9 else None
