"""Encoding that reports how far it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..choices import Role
    from ..events import Events
    from .protocol import Encoded, Encoder


def encode_reporting(encoder: Encoder, texts: Sequence[str], role: Role, events: Events) -> Encoded:
    """Return the vectors of texts as the encoder does, and report its progress, batch by batch."""
    done = 0

    def report(batch: int) -> None:
        nonlocal done
        done += batch
        events.progress("encoding", done, len(texts))

    return encoder.encode(texts, role, on_batch=report)


def note_truncated(encoded: Encoded, encoder: Encoder, events: Events) -> None:
    """Report how many texts were truncated, where any were."""
    if encoded.truncated:
        events.note(f"{encoded.truncated} of {len(encoded.is_cut)} texts were longer than {encoder.max_tokens} tokens and were truncated")
