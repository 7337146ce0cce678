"""How values of a metric are written."""

from __future__ import annotations

from typing import NamedTuple

from ..measures.measure import Unit


class Written(NamedTuple):
    """Digits after the point, and what stands behind them."""

    digits: int
    suffix: str


UNITS: dict[Unit, Written] = {"share": Written(4, ""), "seconds": Written(2, " s"), "ms": Written(2, " ms")}


def amount_text(unit: Unit, value: float) -> str:
    """Return a value as its unit is written."""
    return f"{value:.{UNITS[unit].digits}f}{UNITS[unit].suffix}"
