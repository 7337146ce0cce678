"""What a sweep tries where nobody says: the settings that the result hangs on most."""

from __future__ import annotations

from collections.abc import Mapping

from ..adapters.losses.table import LOSSES
from ..adapters.sides.table import SIDES
from ..adapters.strategies.table import STRATEGIES
from .dimension import Dimension

_TRIED = ("infonce", "symmetric_infonce", "triplet_hard", "triplet", "cosent", "margin_mse", "distil", "gist")
"""Losses that differ in what they learn from; others are variants of these."""


def default_dimensions(given: Mapping[str, object]) -> list[Dimension]:
    """Return side, strategy, loss, learning rate, temperature and rank, without those that are given.

    Losses that need a guide are tried where one is given; those that the data do not state enough for are left out once the data are read.
    """
    if "init_from" in given:  # whose rank it is, in factors
        given = {"strategy": "lora", "rank": None, **given}
    ranges = {name: row.usual_rates for name, row in STRATEGIES.items() if row.usual_rates is not None and not row.has_pairs}
    dimensions = [
        Dimension(name="side", choices=tuple(SIDES)),
        Dimension(name="strategy", choices=tuple(STRATEGIES)),
        Dimension(name="loss", choices=tuple(name for name in _TRIED if "guide" not in LOSSES[name].needs or "guide" in given)),
        Dimension(name="learning_rate", low=5e-5, high=2e-3, log=True, ranges=ranges),
        Dimension(name="temperature", low=0.01, high=0.1, log=True),
        Dimension(name="rank", choices=(4, 8, 16, 32)),
    ]
    return [each for each in dimensions if each.name not in given and (not each.choices or len(each.choices) > 1)]
