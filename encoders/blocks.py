"""Which rows of a batch one product serves, where they go through several adapters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

FEW = 4
"""Rows of an adapter, on average, up to which a copy of its factors for each costs less than a product of its own."""


@dataclass(frozen=True, slots=True)
class Block:
    """Rows that one product serves: the keys of adapters, and as many rows of each; of the rows that nothing is added to, the key None."""

    keys: tuple[str | None, ...]
    rows: tuple[tuple[int, ...], ...]


def arrange(keys: Sequence[str | None]) -> list[Block]:
    """Return the rows of a batch, given by what each goes through, in few blocks.

    Those of the base come first. Then, of all adapters, as many rows as the one with the fewest has; of the others, what is left, again so.
    Where adapters have few rows each, one block takes them row by row: the factors are then copied for each row, which costs less than further
    products.
    """
    of: dict[str | None, list[int]] = {}
    for row, key in enumerate(keys):
        of.setdefault(key, []).append(row)
    blocks = [Block((None,), (tuple(of.pop(None)),))] if None in of else []
    while of:
        single = [(key, row) for key, rows in of.items() for row in rows]
        if len(set(map(len, of.values()))) > 1 and len(single) <= FEW * len(of):
            return [*blocks, Block(tuple(key for key, _ in single), tuple((row,) for _, row in single))]
        each = min(map(len, of.values()))
        blocks.append(Block(tuple(of), tuple(tuple(rows[:each]) for rows in of.values())))
        of = {key: rows[each:] for key, rows in of.items() if len(rows) > each}
    return blocks
