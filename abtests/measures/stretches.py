"""Stretches of an experiment in which the shares of its arms were fixed: one, and another one for each ramp."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from ..experiment.record import Experiment


@dataclass(frozen=True, slots=True)
class Stretch:
    """From when on (seconds since 1970, the first from ever), and the share of each arm."""

    start: float
    shares: tuple[float, ...]


def stretches_of(experiment: Experiment) -> tuple[Stretch, ...]:
    """Return the stretches in their order."""
    ramps = (Stretch(moment_of(ramp.at), ramp.shares) for ramp in experiment.ramps)
    return (Stretch(-math.inf, experiment.shares), *sorted(ramps, key=lambda each: each.start))


def moment_of(text: str) -> float:
    """Return a time as ISO 8601 writes it in seconds since 1970; one without a zone is UTC."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def stretch_at(stretches: tuple[Stretch, ...], at: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return in which stretch each moment (n,) lies."""
    return np.searchsorted([each.start for each in stretches], at, side="right") - 1
