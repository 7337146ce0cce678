"""Who gets which arm: shares, and the slices of the unit interval that they own, which a ramp changes as little as can be.

A user is a point of the interval, so that the same user always falls into the same slice. A ramp takes from the arms whose share shrinks what
the others gain, and nothing else: an arm that grows or stays keeps all its users, and no fewer users could be moved.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import RequestError
from ...names import normalise
from ...plurals import count

WHOLE = 1 << 48
"""The points of the interval: a share of one in a billion is still 281 thousand of them."""
_WIDE = str.maketrans("，＝％；", ",=%;")
"""What a Chinese keyboard types for the marks of a split."""
MOST_ARMS = 20

Interval = tuple[int, int]


@dataclass(frozen=True, slots=True)
class ArmShare:
    """An arm as the user asks for it.

    Attributes:
        name: What it is called: its reference; the second arm of one reference, for an A/A test, is called `base#2`.
        reference: What answers.
        share: Of the users, 0 to 1; all shares sum to 1.
    """

    name: str
    reference: str
    share: float


@dataclass(frozen=True, slots=True)
class Split:
    """The arms of an A/B test; `note` says how weights were read, where they were not percentages."""

    arms: tuple[ArmShare, ...]
    note: str | None = None


def parse_split(text: str) -> Split:
    """Read `base=50,legal@best=50`.

    Raises:
        RequestError: it is not of that form, has fewer than two arms, or no share above 0.
    """
    parts = [_part(part, text) for part in _words(text)]
    references, weights = [reference for reference, _ in parts], [weight for _, weight in parts]
    if not (total := math.fsum(weights)) > 0:
        raise RequestError(f"--split {text!r} gives every arm the share 0; expected shares such as base=50,legal@best=50")
    names = _checked(references, "--split", text)
    arms = tuple(ArmShare(name, reference, weight / total) for name, reference, weight in zip(names, references, weights, strict=True))
    shares = ", ".join(f"{arm.name} {arm.share:.4g}" for arm in arms)
    is_usual = math.isclose(total, 100) or math.isclose(total, 1)
    return Split(arms, None if is_usual else f"the shares sum to {total:g} and are taken as weights: {shares}")


def parse_interleave(text: str) -> Split:
    """Read `base,legal@best`: the arms whose results are interleaved, all alike.

    Raises:
        RequestError: it has fewer than two arms, or shares.
    """
    references = _words(text)
    if shared := [each for each in references if "=" in each]:
        raise RequestError(
            f"--interleave {text!r} gives {shared[0]!r} a share; every list holds all arms alike: name them, base,legal@best"
        )
    names = _checked(references, "--interleave", text)
    return Split(tuple(ArmShare(name, reference, 1 / len(names)) for name, reference in zip(names, references, strict=True)))


def _words(text: str) -> list[str]:
    return [word.strip() for word in normalise(text).translate(_WIDE).split(",")]


def _part(part: str, text: str) -> tuple[str, float]:
    reference, _, share = part.rpartition("=")
    try:
        weight = float(share.strip().removesuffix("%"))
    except ValueError:
        weight = math.nan
    if not reference.strip() or not 0 <= weight < math.inf:
        raise RequestError(f"--split {text!r} holds {part!r}; expected REF=SHARE, the share from 0, as in base=50,legal@best=50")
    return reference.strip(), weight


def _checked(references: Sequence[str], option: str, text: str) -> list[str]:
    """Return the names of the arms: a reference that comes again gets a number."""
    if not all(references):
        raise RequestError(f"{option} {text!r} has an arm without a name; expected references with commas between them")
    if not 2 <= len(references) <= MOST_ARMS:
        raise RequestError(
            f"{option} {text!r} has {count(len(references), 'arm')}; a test compares 2 to {MOST_ARMS}, as in base=50,legal@best=50"
        )
    seen: Counter[str] = Counter()
    names = []
    for reference in references:
        seen[reference] += 1
        names.append(reference if seen[reference] == 1 else f"{reference}#{seen[reference]}")
    return names


@dataclass(frozen=True, slots=True)
class Slices:
    """What each arm owns of the interval [0, WHOLE): its pieces, in the order in which it got them."""

    owned: tuple[tuple[Interval, ...], ...]

    def arm_at(self, point: int) -> int:
        """Return the number of the arm that owns a point."""
        for arm, pieces in enumerate(self.owned):
            if any(start <= point < end for start, end in pieces):
                return arm
        raise ValueError(f"the point {point} is outside [0, {WHOLE})")

    def ramped(self, shares: Sequence[float]) -> Slices:
        """Return what the arms own with other shares: what the shrinking ones lose goes to the growing ones, and nothing else moves.

        An arm gives what it got last, so that a ramp that is taken back moves the same users back.

        Args:
            shares: Of each arm, in the same order; they sum to 1.
        """
        wanted = points_of(shares)
        free: list[Interval] = []
        kept = []
        for pieces, target in zip(self.owned, wanted, strict=True):
            own, given = _cut(pieces, target)
            kept.append(own)
            free += given
        grown = []
        for own, target in zip(kept, wanted, strict=True):
            taken, free = _take(free, target - _length(own))
            grown.append(_joined([*own, *taken]))
        return Slices(tuple(grown))


def slices_of(shares: Sequence[float]) -> Slices:
    """Return the slices with which a test begins: one piece for each arm, in their order."""
    owned, start = [], 0
    for length in points_of(shares):
        owned.append(((start, start + length),) if length else ())
        start += length
    return Slices(tuple(owned))


def points_of(shares: Sequence[float]) -> list[int]:
    """Return how many points each arm owns: whole numbers that sum to WHOLE, by the largest remainder."""
    total = math.fsum(shares)
    exact = [share / total * WHOLE for share in shares]
    points = [math.floor(each) for each in exact]
    by_remainder = sorted(range(len(shares)), key=lambda arm: (points[arm] - exact[arm], arm))
    for arm in by_remainder[: WHOLE - sum(points)]:
        points[arm] += 1
    return points


def _length(pieces: Sequence[Interval]) -> int:
    return sum(end - start for start, end in pieces)


def _cut(pieces: Sequence[Interval], target: int) -> tuple[list[Interval], list[Interval]]:
    """Return what an arm keeps of its pieces, at most `target` points, and what it gives: the last that it got first."""
    kept, given, surplus = list(pieces), [], _length(pieces) - target
    while surplus > 0:
        start, end = kept.pop()
        middle = max(start, end - surplus)
        given.append((middle, end))
        surplus -= end - middle
        if middle > start:
            kept.append((start, middle))
    return kept, given


def _take(free: list[Interval], wanted: int) -> tuple[list[Interval], list[Interval]]:
    """Return the first `wanted` points of what is free, and what is left."""
    taken, left = [], list(free)
    while wanted > 0:
        start, end = left.pop(0)
        middle = min(end, start + wanted)
        taken.append((start, middle))
        wanted -= middle - start
        if middle < end:
            left.insert(0, (middle, end))
    return taken, left


def _joined(pieces: Sequence[Interval]) -> tuple[Interval, ...]:
    """Return pieces of which each begins where another, got just before, ends, as one."""
    joined: list[Interval] = []
    for start, end in pieces:
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return tuple(joined)
