"""From values to places along an axis: a range that holds them all, round numbers to mark it, and where a value lies."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

_STEPS = (1, 2, 2.5, 5, 10)
_MARKS = 4  # about as many marks as an axis gets


@dataclass(frozen=True, slots=True)
class Scale:
    """Values from `low` to `high` over places from `start` to `end`, marked at every `step`."""

    low: float
    high: float
    start: float
    end: float
    step: float

    def __call__(self, value: float) -> float:
        """Return the place of a value, to a hundredth."""
        return round(self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start), 2)

    @property
    def marks(self) -> list[tuple[float, str]]:
        """The places of the round numbers, each with how it is written."""
        digits = next(digits for digits in range(12) if math.isclose(round(self.step, digits), self.step, rel_tol=1e-9))
        count = round((self.high - self.low) / self.step)
        values = [self.low + row * self.step for row in range(count + 1)]
        return [(self(value), f"{value:.{digits}f}".replace("-", "−")) for value in values]


def fit_scale(values: Iterable[float], start: float, end: float) -> Scale:
    """Return a scale that holds all values and begins and ends at round numbers; equal values get some margin."""
    every = list(values)
    low, high = min(every), max(every)
    if high - low < 1e-6:
        low, high = low - 0.01, high + 0.01
    rough = (high - low) / _MARKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(each * power for each in _STEPS if each * power >= rough * (1 - 1e-9))
    return Scale(math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step, start, end, step)
