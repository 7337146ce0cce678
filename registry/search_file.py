"""`search.json`, beside a merge whose weights were searched: the curve in it, written by the search and read by the bench's page.

The file holds more, which is read by people alone: what the search measured and decided (`merge/search/weights.py`).
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, get_args

from ..errors import AdapterError

SEARCH = "search.json"
GeneralKind = Literal["spearman", "closeness"]
"""`spearman`: of cosines with gold similarities. `closeness`: mean cosine with the base's own vectors of the dev texts."""
_DECIMALS = 3  # so that the weights that are printed are those that were measured


@dataclass(frozen=True, slots=True)
class Point:
    """Weights, one a parent, and the density, None where the method reads none; rounded to three decimals."""

    weights: tuple[float, ...]
    density: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", tuple(round(weight, _DECIMALS) + 0.0 for weight in self.weights))
        if self.density is not None:
            object.__setattr__(self, "density", round(self.density, _DECIMALS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """Scores of one set of factors: domain -> nDCG@10, domain -> loss, and the general score, all on dev."""

    ndcg: dict[str, float]
    loss: dict[str, float]
    general: float

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON can hold it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One merge: where it lies on its line (0 to 1), its weights and density, and what it scores."""

    x: float
    point: Point
    measurement: Measurement


@dataclass(frozen=True, slots=True)
class Line:
    """Merges along one line through the weights; `axis` says what x is."""

    axis: str
    points: tuple[CurvePoint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """The lines of a merge, and the base that they are compared with."""

    names: tuple[str, ...]
    domains: tuple[str, ...]
    general_kind: GeneralKind
    base: Measurement
    lines: tuple[Line, ...]

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON can hold it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class SearchFile:
    """What is read of a file: the weights that were chosen, and the curve, None where none was traced."""

    weights: tuple[float, ...]
    curve: Curve | None


def read_search(folder: Path) -> SearchFile | None:
    """Read the file in a merge's folder; None: there is none.

    Raises:
        AdapterError: it is damaged.
    """
    path = folder / SEARCH
    if not path.is_file():
        return None
    try:
        search = json.loads(path.read_text(encoding="utf-8"))
        weights, curve = tuple(search["weights"]), search["curve"]
        return SearchFile(weights, _curve(curve, len(weights)) if curve else None)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as e:
        raise AdapterError(f"{path} cannot be read ({e}); restore it from a copy, or search the weights again") from e


def _curve(values: Mapping, parents: int) -> Curve:
    if values["general_kind"] not in get_args(GeneralKind):
        raise ValueError(f"general_kind is {values['general_kind']!r}")
    curve = Curve(
        names=tuple(values["names"]),
        domains=tuple(values["domains"]),
        general_kind=values["general_kind"],
        base=_measurement(values["base"]),
        lines=tuple(Line(line["axis"], tuple(map(_point, line["points"]))) for line in values["lines"]),
    )
    if not all(line.points and all(len(each.point.weights) == parents > 0 for each in line.points) for line in curve.lines):
        raise ValueError(f"a line of the curve has no points, or one without {parents} weights")
    return curve


def _point(values: Mapping) -> CurvePoint:
    point = values["point"]
    return CurvePoint(float(values["x"]), Point(tuple(point["weights"]), point["density"]), _measurement(values["measurement"]))


def _measurement(values: Mapping) -> Measurement:
    return Measurement(ndcg=dict(values["ndcg"]), loss=dict(values["loss"]), general=float(values["general"]))
