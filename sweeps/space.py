"""What a sweep tries: settings that vary, those that are fixed, and which of them go together."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..adapters.config import TABLES, TrainConfig, config_from, unread_settings
from ..adapters.settings.joined import TrainSettings
from ..adapters.settings.reading import read_value
from ..adapters.settings.setting import describe_settings, one_of
from ..adapters.strategies.table import STRATEGIES
from ..errors import AdaptError, ConfigError
from .dimension import Choice, Defaults, Dimension, Suggests

CHOOSERS = ("side", "strategy", *(name for name in TABLES if name not in ("side", "strategy")))
"""Settings that choose a row, in the order in which they are picked: what a row does not read is not picked after it."""
Picks = dict[str, Choice]


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """What a sweep tries.

    Attributes:
        dimensions: The settings that vary.
        given: Values of the others, by name, as `config_from` takes them; what a combination does not read of them counts for the others.
        designs: The combinations of rows that a configuration takes.

    Raises:
        ConfigError: no combination is one that a configuration takes, or none reads one of the settings.
    """

    dimensions: tuple[Dimension, ...]
    given: Mapping[str, object]
    designs: tuple[Picks, ...]

    def config(self, picks: Mapping[str, Choice]) -> TrainConfig:
        """Return the configuration of some picks; alpha follows rank, where it is neither given nor varied.

        Raises:
            ConfigError: values do not go together.
        """
        return configure(self.given, picks)

    def default(self) -> tuple[TrainConfig, dict[str, Choice]]:
        """Return the configuration that is the settings' defaults as far as may be, and the parameters that it is made of."""
        of_strategies = {f"learning_rate ({name})": row.learning_rate for name, row in STRATEGIES.items()}
        rate = STRATEGIES[str(self.given.get("strategy", "lora"))].learning_rate
        plain = {name: each.default for name, each in describe_settings(TrainConfig).items()}
        defaults = Defaults({**plain, **of_strategies, "learning_rate": rate})
        return self.config(self.pick(defaults)), defaults.picked

    def pick(self, suggests: Suggests) -> Picks:
        """Pick a value of each setting that what was picked before it reads, choosers first."""
        picks: Picks = {}
        for dimension in self.dimensions:
            if dimension.name in unread_settings(_skeleton(self.given, picks)):
                continue
            strategy = str(picks.get("strategy", self.given.get("strategy", "lora")))
            value = dimension.suggest(suggests, self._fits(dimension.name, picks), strategy)
            if value is not None or None in dimension.choices:
                picks[dimension.name] = value
        return picks

    def _fits(self, name: str, picks: Picks) -> Any:
        """Return what says whether a value goes together with what was picked."""
        if name in CHOOSERS:
            return lambda value: any(design.items() >= (picks | {name: value}).items() for design in self.designs)

        def fits(value: Choice) -> bool:
            try:
                self.config(picks | {name: value})
            except ConfigError:
                return False
            return True

        return fits

    def keep(self, fits: Iterable[Picks]) -> Space:
        """Return the space with some of its designs alone; a chooser that has one value left is fixed."""
        designs = tuple(fits)
        kept: list[Dimension] = []
        given = dict(self.given)
        for each in self.dimensions:
            if each.name not in CHOOSERS:
                kept.append(each)
                continue
            left = [choice for choice in each.choices if any(design[each.name] == choice for design in designs)]
            if len(left) > 1:
                kept.append(Dimension(name=each.name, choices=tuple(left)))
            else:
                given[each.name] = left[0]
        return make_space(kept, given)

    def as_dict(self) -> dict[str, Any]:
        """Return what varies, as a file of a space has it."""
        return {each.name: each.as_dict() for each in self.dimensions}


def make_space(dimensions: Iterable[Dimension], given: Mapping[str, object]) -> Space:
    """Put a space together, choosers first.

    Raises:
        ConfigError: as `Space`.
    """
    order = {name: place for place, name in enumerate(CHOOSERS)}
    for name in TABLES.keys() & given.keys():
        one_of(TABLES[name])(name, str(given[name]))
    dims = tuple(sorted(dimensions, key=lambda each: order.get(each.name, len(order))))
    designs, refusal = _designs(dims, given)
    if not designs:
        raise refusal or ConfigError("the space is empty")
    _check_read(dims, given, designs)
    return Space(dimensions=dims, given=given, designs=designs)


def configure(given: Mapping[str, object], picks: Mapping[str, Choice]) -> TrainConfig:
    """Return the configuration of given values and picks, without those that it does not read.

    Raises:
        ConfigError: values do not go together.
    """
    values = {**given, **picks}
    unread = unread_settings(_skeleton(given, picks))
    if "rank" in picks and "alpha" not in values:
        values["alpha"] = 2 * int(str(picks["rank"]))
    return config_from({name: value for name, value in values.items() if name not in unread})


def _skeleton(given: Mapping[str, object], picks: Mapping[str, Choice]) -> TrainSettings:
    """Return what decides which settings are read."""
    known, values = describe_settings(TrainConfig), {**given, **picks}
    read: dict[str, Any] = {name: read_value(known[name], values[name]) for name in (*CHOOSERS, "corpus") if name in values}
    return TrainSettings(**read)


def _designs(dimensions: Iterable[Dimension], given: Mapping[str, object]) -> tuple[tuple[Picks, ...], AdaptError | None]:
    """Return the combinations of rows that a configuration takes, and why the first other one is refused."""
    choosers = [each for each in dimensions if each.name in CHOOSERS]
    designs, refusal = [], None
    for values in itertools.product(*(each.choices for each in choosers)):
        design = dict(zip((each.name for each in choosers), values, strict=True))
        try:
            configure(given, design)
        except ConfigError as e:
            refusal = refusal or e
        else:
            designs.append(design)
    return tuple(designs), refusal


def _check_read(dimensions: Iterable[Dimension], given: Mapping[str, object], designs: Iterable[Picks]) -> None:
    """Refuse a setting that no combination reads."""
    names = {*given, *(each.name for each in dimensions)} - {*CHOOSERS}
    for unread in _unread(given, designs):
        names &= unread
    if names:
        configure(given, next(iter(designs))).refuse_unread(sorted(names))


def _unread(given: Mapping[str, object], designs: Iterable[Picks]) -> Iterator[frozenset[str]]:
    for design in designs:
        yield unread_settings(_skeleton(given, design))
