"""What answers a search: which index each reference searches, and the arms of a test, pinned until an alias moves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from ...abtests.experiment.live import LiveLog
from ...abtests.experiment.record import Experiment, PinnedArm
from ...errors import AdapterError, AdaptError, ConfigError
from ..http.refusals import Refusal
from ..logs import LOGGER
from ..models.pins import Pinned
from ..models.served import Served
from .index import SearchIndex
from .options import Comparison

RETRY_S = 60.0
"""After so long, arms that moved and could not be compared are tried again."""


@dataclass(slots=True, kw_only=True)
class Arms:
    """What answers a search.

    Attributes:
        served: What embeds queries.
        index: What references search.
        own: Reference, as requests name it -> the index that it made itself, and searches in place of `index`.
        default: What answers where a request names no model and nothing is compared.
        comparison: What is compared; None: nothing.
        live: The log of the comparison; None: there is none.
    """

    served: Served
    index: SearchIndex
    own: Mapping[str, SearchIndex] = field(default_factory=dict)
    default: str = "base"
    comparison: Comparison | None = None
    live: LiveLog | None = None
    _fitting: set[tuple[str, str, int]] = field(default_factory=set)
    _pins: tuple[Pinned, ...] = ()
    _refused: tuple[Pinned, ...] = ()
    _again_at: float = 0.0
    _is_gone: bool = False
    _guard: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def begin(self) -> None:
        """Refuse what does not fit its index, and begin or resume the experiment.

        Raises:
            AdaptError: an arm does not fit, or the experiment cannot be recorded.
        """
        pins = self._present_pins() if self.comparison is not None else ()
        self.served.keep(pins)
        for name in self._named():
            try:
                await self._check(self.served.pin(name))
            except Refusal as e:
                raise ConfigError(f"{name} cannot be searched with: {e.message}") from e
        if self.comparison is not None:
            self._compare(pins)

    async def experiment(self) -> Experiment | None:
        """Return the experiment that requests belong to now: another one where an alias moved meanwhile; None: nothing is compared."""
        if self.live is None or self.comparison is None:
            return None
        try:
            pins = self._present_pins()
        except Refusal:
            if not self._is_gone:
                LOGGER.error("an arm's name is not served any more; the experiment goes on with the versions before")
            self._is_gone = True
            return self.live.experiment
        self._is_gone = False
        if self._are_new(pins):
            async with self._guard:
                await self._repin(pins)
        return self.live.experiment

    def of_arm(self, name: str) -> tuple[Pinned, SearchIndex]:
        """Return the version to which an arm is pinned, and what it searches."""
        assert self.comparison is not None
        place = [arm.name for arm in self.comparison.arms].index(name)
        return self._pins[place], self._index_for(self.comparison.arms[place].reference)

    async def index_of(self, pinned: Pinned) -> SearchIndex:
        """Return what a reference searches.

        Raises:
            Refusal: it gives documents other vectors than those.
        """
        try:
            await self._check(pinned)
        except AdapterError:
            raise Refusal(
                422,
                "validation",
                f"{pinned.name} gives documents other vectors than the index has; name a reference for queries alone",
                "model",
            ) from None
        return self._index_for(pinned.name)

    def _named(self) -> list[str]:
        arms = [arm.reference for arm in self.comparison.arms] if self.comparison else [self.default]
        return list(dict.fromkeys([*arms, *self.own]))

    def _index_for(self, name: str) -> SearchIndex:
        return self.own.get(name, self.index)

    async def _check(self, pinned: Pinned) -> None:
        index = self._index_for(pinned.name)
        key = pinned.reference, pinned.sha256, id(index)
        if key not in self._fitting:
            index.check_fits(pinned.reference, (await self.served.open(pinned)).encoder)
            self._fitting.add(key)

    def _present_pins(self) -> tuple[Pinned, ...]:
        assert self.comparison is not None
        return tuple(self.served.pin(arm.reference) for arm in self.comparison.arms)

    def _compare(self, pins: tuple[Pinned, ...]) -> None:
        assert self.comparison is not None
        assert self.live is not None
        arms = [PinnedArm(arm.name, pin.reference, pin.sha256) for arm, pin in zip(self.comparison.arms, pins, strict=True)]
        self.live.compare(self.comparison.kind, arms, [arm.share for arm in self.comparison.arms])
        self._pins, self._refused = pins, ()

    def _are_new(self, pins: tuple[Pinned, ...]) -> bool:
        """Return whether arms moved; those that could not be compared are tried again after a while: a disk was full, or a file not there yet."""
        return pins != self._pins and (pins != self._refused or time.monotonic() >= self._again_at)

    async def _repin(self, pins: tuple[Pinned, ...]) -> None:
        """Begin the experiment of arms that moved; where one of them cannot answer, the one that runs goes on."""
        if not self._are_new(pins):
            return
        self.served.keep((*self._pins, *pins))
        try:
            for pin in pins:
                await self._check(pin)
            self._compare(pins)
        except (AdaptError, Refusal) as e:
            why = e.message if isinstance(e, Refusal) else str(e)
            if pins != self._refused:
                LOGGER.error("an arm moved and cannot be compared: %s; the experiment goes on with the versions before", why)
            self._refused, self._again_at = pins, time.monotonic() + RETRY_S
        finally:
            self.served.keep(self._pins)
