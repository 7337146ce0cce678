"""How long embedding a corpus takes, told before: a few of its texts are embedded, and their time is multiplied."""

from __future__ import annotations

from collections.abc import Sequence

from ..choices import Role
from ..encoders.protocol import Encoder
from ..events import Events
from ..plurals import count
from ..timing import estimate_seconds

_TRIED = 16
"""Texts that are timed, evenly from the short to the long."""
_FEW = 1000  # texts that are embedded before anybody would read how long it takes


def note_minutes(encoder: Encoder, texts: Sequence[str], role: Role, total: int, events: Events) -> None:
    """Report how long `total` texts take of which some are given; nothing, where they are few."""
    if total < _FEW:
        return
    ordered = sorted(texts, key=len)
    seconds = estimate_seconds(lambda some: encoder.encode(some, role), ordered, sample=_TRIED, warm_up=1)
    minutes = seconds * total / len(texts) / 60
    events.note(f"embedding {count(total, 'text')} takes about {minutes:.0f} min here; after an interruption it goes on where it was")
