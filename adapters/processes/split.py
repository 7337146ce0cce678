"""Which process embeds which texts of a step."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

Shares = list[list[list[int]]]
"""Process -> side -> the rows of the texts that the process embeds, ascending."""


def split_by_tokens(lengths: Sequence[Sequence[int]], processes: int) -> Shares:
    """Divide texts so that each process has about as many tokens: the longest first, each to the one that has the fewest.

    Args:
        lengths: Side -> tokens of each of its texts.
        processes: How many there are.

    Returns:
        Each text once. A process has none where there are fewer texts than processes.
    """
    shares: Shares = [[[] for _ in lengths] for _ in range(processes)]
    loads = [(0, process) for process in range(processes)]
    every = [(-length, side, row) for side, of_side in enumerate(lengths) for row, length in enumerate(of_side)]
    for negative, side, row in sorted(every):
        load, process = loads[0]
        shares[process][side].append(row)
        heapq.heapreplace(loads, (load - negative, process))
    return [[sorted(rows) for rows in of_process] for of_process in shares]
