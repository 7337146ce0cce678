"""What the looks at the primary metric say of each arm."""

from __future__ import annotations

from collections.abc import Sequence

from ..statistics.remaining import always_valid_variance
from ..statistics.sequential import fixed_radius
from .figures import Contrast, Look, State, Verdict
from .flags import DAY
from .tuning import Tuning


def judge(looks: Sequence[Look], first: float, tuning: Tuning, direction: int) -> Verdict:
    """Return the verdict on one arm.

    Args:
        looks: Its looks, in order, one or more.
        first: When the experiment's first answer was given.
        tuning: The smallest difference that matters, the level, and the power.
        direction: 1 where more is better, -1 where less is.
    """
    decided = next((look for look in looks if look.is_ready and _excludes_zero(look.contrast)), None)
    last = looks[-1]
    state = _state(decided, last, tuning.effect, direction)
    left = _days_left(last, first, tuning) if state in ("open", "too few") else None
    left = None if state == "too few" and left == 0 else left  # what is missing then are users, of whom the variance does not tell
    return Verdict(arm=last.contrast.arm, state=state, since=decided.at if decided else None, days_left=left)


def doubt(arm: str) -> Verdict:
    """Return the verdict on an arm where users did not come in the shares of the experiment."""
    return Verdict(arm=arm, state="doubtful", since=None, days_left=None)


def _excludes_zero(contrast: Contrast) -> bool:
    low, high = contrast.always_low, contrast.always_high
    return low is not None and high is not None and (low > 0 or high < 0)


def _state(decided: Look | None, last: Look, effect: float, direction: int) -> State:
    if decided is not None:
        return "ahead" if (decided.contrast.value or 0) * direction > 0 else "behind"
    if not last.is_ready:
        return "too few"
    low, high = last.contrast.always_low, last.contrast.always_high
    return "alike" if low is not None and high is not None and -effect < low and high < effect else "open"


def _days_left(last: Look, first: float, tuning: Tuning) -> float | None:
    """Return how many days the smallest effect still needs, if the variance goes on falling as one over the time."""
    contrast = last.contrast
    if contrast.value is None or contrast.high is None or contrast.high <= contrast.value or last.at <= first:
        return None
    variance = ((contrast.high - contrast.value) / float(fixed_radius(1.0, tuning.alpha))) ** 2  # type: ignore[arg-type]
    days = (last.at - first) / DAY
    return max(0.0, days * (variance / always_valid_variance(tuning.effect, tuning.effect, tuning.alpha, tuning.power) - 1))
