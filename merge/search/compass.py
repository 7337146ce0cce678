"""A derivative-free search in a few dimensions, for values that are costly and piecewise constant: poll the neighbours, else halve the step."""

import random
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

FIRST_STEP = 0.25
LEAST_STEP = 0.03  # nDCG on some hundred queries does not distinguish finer steps

P = TypeVar("P", bound=Hashable)
Rank = tuple[float, ...]
"""How good a point is; the larger tuple is the better one."""


class _Ledger(Generic[P]):
    """The points that were evaluated, each once, and the best of them."""

    def __init__(self, evaluate: Callable[[P], Rank], budget: int) -> None:
        self.ranks: dict[P, Rank] = {}
        self.best: P | None = None
        self._evaluate, self._budget = evaluate, budget

    @property
    def is_spent(self) -> bool:
        return len(self.ranks) >= self._budget

    def improves(self, point: P) -> bool:
        """Evaluate a point that is new while the budget lasts, and return whether it is the best so far."""
        if point in self.ranks or self.is_spent:
            return False
        self.ranks[point] = self._evaluate(point)
        if self.best is not None and self.ranks[point] <= self.ranks[self.best]:
            return False
        self.best = point
        return True


def compass_search(
    starts: Sequence[P], neighbours: Callable[[P, float], Sequence[P]], evaluate: Callable[[P], Rank], *, budget: int, seed: int
) -> P:
    """Return the best point found.

    The best start is the first centre. Its neighbours are tried in an order drawn once, the direction that last helped first; the first
    better one is the next centre. Where none is better, the step is halved.

    Args:
        starts: One or more points.
        neighbours: Gives the points one step away from a point, always as many and in the same order of directions.
        evaluate: Ranks a point; never called twice for the same one.
        budget: How many points are evaluated at most, 1 or more.
        seed: Draws the order of the directions.

    Source: https://doi.org/10.1137/S003614450242889 (compass search with opportunistic polling).
    """
    ledger = _Ledger(evaluate, budget)
    for start in starts:
        ledger.improves(start)
    assert ledger.best is not None  # the first start is better than nothing
    order, step = list(range(len(neighbours(ledger.best, FIRST_STEP)))), FIRST_STEP
    random.Random(seed).shuffle(order)
    while step >= LEAST_STEP and not ledger.is_spent:
        around = neighbours(ledger.best, step)
        helped = next((direction for direction in order if ledger.improves(around[direction])), None)
        if helped is None:
            step /= 2
        else:
            order = [helped, *(direction for direction in order if direction != helped)]
    return ledger.best
