"""Interleaving by team draft: one list of several rankings, in which each item is credited to the ranking that put it there.

Source: Radlinski, Kurup, Joachims, "How Does Clickthrough Data Reflect Retrieval Quality?", CIKM 2008 (https://doi.org/10.1145/1458082.1458092);
for more than two rankings, Schuth, Sietsma, Whiteson, Lefortier, de Rijke, "Multileaved Comparisons for Fast Online Evaluation", CIKM 2014
(https://doi.org/10.1145/2661829.2661952). In each round the rankings pick in random order, each the best of its items that is not in the list.
We differ in one thing: where at the start of a round all of them would pick the same item, it is put into the list for none, because a coin
would decide whom a click on it favours. The common top of the rankings is so in no team, and equal rankings get no credit at all.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Interleaved:
    """One list of items, the best first, and of those that a ranking put there its number."""

    items: tuple[str, ...]
    teams: dict[str, int]


def interleave(rankings: Sequence[Sequence[str]], length: int, seed: int) -> Interleaved:
    """Put rankings into one list.

    Args:
        rankings: At least one, the best item first, each item once.
        length: Of the list; it is shorter where the rankings have fewer items together.
        seed: The same gives the same list.
    """
    drawn = random.Random(seed)
    items: dict[str, None] = {}
    teams: dict[str, int] = {}
    left = [_Unpicked(iter(ranking)) for ranking in rankings]
    while len(items) < length:
        picks = {ranking.next(items) for ranking in left}
        if picks == {None}:
            break
        if len(picks) == 1:
            items |= dict.fromkeys(each for each in picks if each is not None)
            continue
        order = list(range(len(left)))
        drawn.shuffle(order)
        for team in order:
            pick = left[team].next(items)
            if pick is not None and len(items) < length:
                items[pick] = None
                teams[pick] = team
    return Interleaved(tuple(items), teams)


@dataclass(slots=True)
class _Unpicked:
    """What is left of a ranking."""

    rest: Iterator[str]
    head: str | None = None

    def next(self, picked: dict[str, None]) -> str | None:
        """Return the best item that is not picked; None: there is none."""
        while self.head is None or self.head in picked:
            self.head = next(self.rest, None)
            if self.head is None:
                return None
        return self.head
