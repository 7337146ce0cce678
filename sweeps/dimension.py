"""One setting that a sweep varies: between two ends, or among choices."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

Choice = str | int | float | bool | None
"""What the journal of a study can hold. A setting of several values is a text with commas."""


class Suggests(Protocol):
    """What gives a value by a parameter's name: a trial of Optuna, or the settings' defaults."""

    def suggest_categorical(self, name: str, choices: Sequence[Choice]) -> Any:
        """Return one of the choices."""
        ...

    def suggest_float(self, name: str, low: float, high: float, *, log: bool) -> float:
        """Return a number from `low` to `high`."""
        ...

    def suggest_int(self, name: str, low: int, high: int, *, log: bool) -> int:
        """Return a whole number from `low` to `high`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """A setting and what is tried of it.

    Attributes:
        name: The setting's, without its group.
        choices: What it may be; empty: any number of the range.
        low: The least number of the range.
        high: The greatest.
        log: Whether the numbers are drawn by their logarithm, so that 1e-5 to 1e-4 is tried as often as 1e-4 to 1e-3.
        is_whole: Whether they are whole numbers.
        ranges: Other ranges, by what chooses them: of the learning rate by strategy.
    """

    name: str
    choices: tuple[Choice, ...] = ()
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    is_whole: bool = False
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def suggest(self, suggests: Suggests, fits: Callable[[Choice], bool], strategy: str) -> Choice | None:
        """Return a value of those that fit beside what was picked before; None where none does.

        What depends on earlier picks has a parameter of its own in the study, named with the condition: each parameter has the same values
        in all trials.
        """
        if self.choices:
            allowed = [choice for choice in self.choices if fits(choice)]
            if len(allowed) < 2:
                return allowed[0] if allowed else None
            others = [str(choice) for choice in self.choices if choice not in allowed]
            name = f"{self.name} (without {', '.join(others)})" if others else self.name
            picked: Choice = suggests.suggest_categorical(name, allowed)
            return picked
        low, high = self.ranges.get(strategy, (self.low, self.high))
        if not (fits(low) and fits(high)):
            return None
        name = f"{self.name} ({strategy})" if strategy in self.ranges else self.name
        if self.is_whole:
            return suggests.suggest_int(name, int(low), int(high), log=self.log)
        return suggests.suggest_float(name, low, high, log=self.log)

    def as_dict(self) -> dict[str, Any]:
        """Return it as a file of a space has it."""
        if self.choices:
            return {"choices": list(self.choices)}
        ranges = {name: list(ends) for name, ends in self.ranges.items()}
        return {"low": self.low, "high": self.high, "log": self.log} | ({"by_strategy": ranges} if ranges else {})

    def describe(self) -> str:
        """Say what is tried."""
        if self.choices:
            return ", ".join("none" if choice is None else str(choice) for choice in self.choices)
        others = "".join(f"; {low:g} to {high:g} with {name}" for name, (low, high) in self.ranges.items())
        return f"{self.low:g} to {self.high:g}" + (", by logarithm" if self.log else "") + others


def setting_of(parameter: str) -> str:
    """Return the setting that a parameter of a study is of."""
    return parameter.split(" ", 1)[0]


@dataclass(slots=True)
class Defaults:
    """Gives each setting its default where it can be that, else the middle of what is tried; `picked` is what it gave."""

    defaults: Mapping[str, object]
    picked: dict[str, Choice] = field(default_factory=dict)

    def suggest_categorical(self, name: str, choices: Sequence[Choice]) -> Choice:
        """Return the default, or the first choice."""
        default = as_choice(self._default(name))
        self.picked[name] = default if default in choices else choices[0]
        return self.picked[name]

    def suggest_float(self, name: str, low: float, high: float, *, log: bool) -> float:
        """Return the default, or the middle."""
        default = self._default(name)
        middle = math.sqrt(low * high) if log else (low + high) / 2
        value = float(default) if isinstance(default, int | float) and low <= default <= high else middle
        self.picked[name] = value
        return value

    def suggest_int(self, name: str, low: int, high: int, *, log: bool) -> int:
        """Return the default, or the middle."""
        value = round(self.suggest_float(name, low, high, log=log))
        self.picked[name] = value
        return value

    def _default(self, name: str) -> object:
        """Return the default of a parameter: of the very one, else of its setting."""
        return self.defaults.get(name, self.defaults[setting_of(name)])


def as_choice(value: object) -> Choice:
    """Return a setting's value as a choice."""
    if isinstance(value, tuple | list):
        return ",".join(map(str, value))
    assert value is None or isinstance(value, str | int | float | bool)  # settings are nothing else
    return value
