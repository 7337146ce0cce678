"""Neighbours of a list are swapped at random, so that the same item is seen at two positions, and position bias can be estimated later.

Source: FairPairs of Radlinski, Joachims, "Minimally Invasive Randomization for Collecting Unbiased Preferences from Clickthrough Logs", AAAI 2006
(https://arxiv.org/abs/cs/0605037). A coin decides whether the pairs begin at the first or the second item, and one for each pair whether it is
swapped. Such swaps are what intervention harvesting compares (`adapt data clicks`); no item moves by more than one place.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from ...errors import RequestError


def parse_share(text: str) -> float:
    """Read `1%` or `0.01`: in which share of the answers neighbours are swapped.

    Raises:
        RequestError: it is not above 0 and at most 1, or is a number above .5 without a percent sign, which may mean either.
    """
    word = text.strip().replace("％", "%")
    try:
        value = float(word.removesuffix("%")) / (100 if word.endswith("%") else 1)
    except ValueError:
        value = math.nan
    if not 0 < value <= 1:
        raise RequestError(f"--explore {text!r} is not a share; expected one above 0 and at most 100%, such as 1% or 0.01")
    if value > 0.5 and not word.endswith("%"):
        raise RequestError(f"--explore {text!r} may mean {value:g}% or {value:.0%}; write the percent sign")
    return value


def explore(items: Sequence[str], seed: int) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Swap neighbours of a list.

    Args:
        items: The best first.
        seed: The same gives the same swaps.

    Returns:
        The list, and the positions from 1 whose items were swapped with a neighbour, in order: 2 and 3 for the second and the third.
    """
    drawn = random.Random(seed)
    swapped, positions = list(items), []
    for first in range(drawn.randrange(2), len(items) - 1, 2):
        if drawn.random() < 0.5:
            swapped[first], swapped[first + 1] = swapped[first + 1], swapped[first]
            positions += [first + 1, first + 2]
    return tuple(swapped), tuple(positions)
