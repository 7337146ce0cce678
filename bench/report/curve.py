"""The weight curve of a merge, out of the `search.json` that its folder holds where its weights were searched for."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...errors import AdapterError
from ...references import Resolved

SEARCH = "search.json"
_GENERAL = {"spearman": "general: Spearman on dev", "closeness": "closeness to the base (cosine)"}


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
    """The lines of one merge, the base that they are held against, and the weights that were chosen."""

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
    path = resolved.folder / SEARCH if resolved.kind == "merge" and resolved.folder else None
    if path is None or not path.is_file():
        return None
    try:
        search = json.loads(path.read_text(encoding="utf-8"))
        curve = search["curve"]
        return _curve(resolved.reference, curve, tuple(search["weights"])) if curve else None
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as e:
        raise AdapterError(f"{path} cannot be read ({e}); restore it from a copy, or search the weights again") from e


def _curve(reference: str, curve: Mapping, weights: tuple[float, ...]) -> WeightCurve:
    return WeightCurve(
        reference=reference,
        names=tuple(curve["names"]),
        weights=weights,
        domains=tuple(curve["domains"]),
        general_name=_GENERAL[curve["general_kind"]],
        base_ndcg=dict(curve["base"]["ndcg"]),
        base_general=float(curve["base"]["general"]),
        lines=tuple(_line(line, weights) for line in curve["lines"]),
    )


def _line(line: Mapping, weights: tuple[float, ...]) -> WeightLine:
    points = line["points"]
    ends = [points[0]["point"]["weights"], points[-1]["point"]["weights"]]
    return WeightLine(
        axis=line["axis"],
        x=tuple(float(point["x"]) for point in points),
        ndcg=tuple(dict(point["measurement"]["ndcg"]) for point in points),
        general=tuple(float(point["measurement"]["general"]) for point in points),
        chosen=_place(weights, *ends),
    )


def _place(weights: Sequence[float], start: Sequence[float], end: Sequence[float]) -> float | None:
    """Return x with weights = (1 - x) start + x end; None where they lie off the line."""
    moved = max(range(len(weights)), key=lambda row: abs(end[row] - start[row]))
    if start[moved] == end[moved]:
        return None
    x = (weights[moved] - start[moved]) / (end[moved] - start[moved])
    on_it = all(abs((1 - x) * one + x * other - own) < 1e-3 for one, other, own in zip(start, end, weights, strict=True))
    return x if on_it and -1e-9 <= x <= 1 + 1e-9 else None
