"""Axes of a chart: where a value lies, and what is marked. Numbers, numbers by their logarithm, and names."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from .scale import fit_scale

Mark = tuple[float, str]


class Axis(Protocol):
    """Values over places."""

    @property
    def marks(self) -> Sequence[Mark]:
        """Places with what is written there."""
        ...

    def place(self, value: object) -> float:
        """Return where a value lies."""
        ...


@dataclass(frozen=True, slots=True)
class NumberAxis:
    """Numbers from `low` to `high` over places from `start` to `end`; by their logarithm where `is_log`."""

    low: float
    high: float
    start: float
    end: float
    marks: tuple[Mark, ...]
    is_log: bool = False

    def place(self, value: object) -> float:
        """Return where a number lies, to a hundredth."""
        assert isinstance(value, int | float)
        number, low, high = (math.log10(each) if self.is_log else each for each in (value, self.low, self.high))
        return round(self.start + (number - low) / (high - low) * (self.end - self.start), 2)


@dataclass(frozen=True, slots=True)
class NameAxis:
    """Names at equal distances."""

    names: tuple[str, ...]
    start: float
    end: float

    @property
    def marks(self) -> tuple[Mark, ...]:
        """Each name at its place."""
        return tuple((self.place(name), name) for name in self.names)

    def place(self, value: object) -> float:
        """Return where a name lies."""
        width = (self.end - self.start) / len(self.names)
        return round(self.start + (self.names.index(str(value)) + 0.5) * width, 2)


def number_axis(values: Iterable[float], start: float, end: float, *, whole: bool = False) -> NumberAxis:
    """Return an axis that holds all values and begins and ends at round numbers; of whole numbers, no part is marked."""
    scale = fit_scale(values, start, end)
    marks = tuple((place, text) for place, text in scale.marks if not whole or float(text.replace("−", "-")).is_integer())
    return NumberAxis(
        scale.low, scale.high, start, end, tuple((place, text.removesuffix(".0") if whole else text) for place, text in marks)
    )


def log_axis(values: Iterable[float], start: float, end: float) -> NumberAxis:
    """Return an axis of numbers above 0 by their logarithm, marked at 1, 2 and 5 times powers of ten, or the powers alone."""
    every = list(values)
    low, high = min(every), max(every)
    low, high = (low / 2, high * 2) if high / low < 1.01 else (low / 1.15, high * 1.15)
    axis = NumberAxis(low, high, start, end, (), is_log=True)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    rounds = [factor * 10.0**power for power in powers for factor in (1, 2, 5)]
    inside = [each for each in rounds if low <= each <= high]
    if len(inside) > 5:
        inside = [each for each in inside if math.isclose(math.log10(each) % 1, 0, abs_tol=1e-9) or math.isclose(math.log10(each) % 1, 1)]
    return NumberAxis(low, high, start, end, tuple((axis.place(each), f"{each:g}") for each in inside or [low, high]), is_log=True)
