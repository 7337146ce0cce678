"""The curve of a merge: weight against each domain's nDCG@10 and the general score."""

from collections.abc import Callable, Sequence

from ...errors import ConfigError
from ...registry.search_file import Curve, CurvePoint, Line, Point
from .candidates import Candidates
from .probe import Probe

STEPS = 11


def trace_curve(
    candidates: Candidates,
    probe: Probe,
    chosen: Point | None = None,
    steps: int = STEPS,
    on_point: Callable[[int, int], None] | None = None,
) -> Curve:
    """Measure merges along lines.

    One parent: its weight from 0 (the base) to 1. Two: (w, 1 - w), w from 0 to 1, so that the ends are the parents alone. More: for each
    parent, the line from the chosen weights (x = 0) to that parent alone with weight 1 (x = 1). A parent alone is measured as it is, neither
    cut in rank nor changed by the method, so that it has the score that it has everywhere else.

    Args:
        candidates: What is merged, and how.
        probe: What it is measured on; what it has measured already costs nothing.
        chosen: Its density is that of every point, its weights are where the lines of more than two parents begin; None: the configuration's
            own, or 1/n each.
        steps: How many points a line has, 2 or more.
        on_point: Called with how many points are done, of how many.

    Raises:
        ConfigError: there are fewer than 2 steps; or as `merge_factors`, before anything is encoded.
    """
    if steps < 2:
        raise ConfigError(f"the curve has {steps} steps; at least 2 are needed")
    candidates.check()
    chosen = chosen or candidates.own_point
    plan = _lines(candidates.names, chosen.weights, steps)
    total, done, base = steps * len(plan), 0, probe.measure({})
    lines: list[Line] = []
    for axis, all_weights in plan:
        points: list[CurvePoint] = []
        for row, weights in enumerate(all_weights):
            point = candidates.point(weights, chosen.density)
            alone = candidates.alone(point)
            points.append(CurvePoint(row / (steps - 1), point, probe.measure(candidates.merge(point) if alone is None else alone)))
            done += 1
            if on_point:
                on_point(done, total)
        lines.append(Line(axis, tuple(points)))
    return Curve(names=candidates.names, domains=probe.domains, general_kind=probe.general_kind, base=base, lines=tuple(lines))


def count_curve_points(parents: int, steps: int = STEPS) -> int:
    """Return how many merges a curve measures at most."""
    return steps * (parents if parents > 2 else 1)


def _lines(names: Sequence[str], chosen: Sequence[float], steps: int) -> list[tuple[str, list[tuple[float, ...]]]]:
    """Return each line's axis and the weights along it."""
    along = [row / (steps - 1) for row in range(steps)]
    if len(names) == 1:
        return [(f"weight of {names[0]}", [(x,) for x in along])]
    if len(names) == 2:
        return [(f"weight of {names[0]} ({names[1]} has the rest)", [(x, 1 - x) for x in along])]
    alone = [tuple(float(row == other) for other in range(len(names))) for row in range(len(names))]
    return [
        (
            f"from the chosen weights (0) to {name} alone (1)",
            [tuple((1 - x) * start + x * end for start, end in zip(chosen, ends, strict=True)) for x in along],
        )
        for name, ends in zip(names, alone, strict=True)
    ]
