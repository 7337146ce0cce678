"""The curve of a run: a line of JSON for each step, appended while it goes on, so that it survives a kill and can be watched.

A line: `step` (0: before the first one), `steps` in all, `loss`, `rate`, `pairs_per_s`, `time` (seconds since 1970), and where the run was
evaluated then, `dev`, its `metric`, and `beside` with other scores. What a line does not know, it leaves out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from ..disk import replace_file

_NUMBERS = (int, float)


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """A step of a run; None is what is not known of it. `beside`: other scores by what they are called."""

    step: int
    steps: int | None = None
    loss: float | None = None
    rate: float | None = None
    pairs_per_s: float | None = None
    time: float | None = None
    dev: float | None = None
    metric: str | None = None
    beside: dict[str, float] = field(default_factory=dict)

    def as_line(self) -> str:
        """Return it as a line of the file."""
        known = {name: value for name, value in asdict(self).items() if value is not None and value != {}}
        return json.dumps(known, ensure_ascii=False) + "\n"


def read_curve(path: Path) -> list[CurvePoint]:
    """Return the points of a file, in the order of their steps and each step once, the last line of it; none where there is no file.

    A line that a kill cut short, and any other that is not a point, is passed over.
    """
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    points = [point for line in lines if (point := _read(line)) is not None]
    return sorted({point.step: point for point in points}.values(), key=lambda point: point.step)


def append_points(path: Path, points: Iterable[CurvePoint]) -> None:
    """Add lines to a file, and hand them to the system.

    Raises:
        OSError: it cannot be written.
    """
    with path.open("a", encoding="utf-8") as file:
        file.writelines(point.as_line() for point in points)


def rewrite_curve(path: Path, points: Iterable[CurvePoint]) -> None:
    """Replace a file as a whole.

    Raises:
        OSError: it cannot be written; the old file is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, "".join(point.as_line() for point in points).encode(), durability="none")


def _read(line: str) -> CurvePoint | None:
    try:
        content: Any = json.loads(line)
        return CurvePoint(**content) if _is_point(content) else None
    except (ValueError, TypeError):
        return None


def _is_point(content: Any) -> bool:
    """Return whether a line's content has a step, and otherwise numbers and names where they belong."""
    if not isinstance(content, dict) or not isinstance(content.get("step"), int):
        return False
    texts, others = content.get("metric", ""), content.get("beside", {})
    numbers = [content[each.name] for each in fields(CurvePoint) if each.name in content and each.name not in ("metric", "beside")]
    is_map = isinstance(others, dict) and all(isinstance(value, _NUMBERS) for value in others.values())
    return isinstance(texts, str) and is_map and all(isinstance(number, _NUMBERS) for number in numbers)
