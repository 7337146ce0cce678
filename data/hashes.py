"""Texts as numbers, so that what was seen is known without keeping the texts."""

from __future__ import annotations

import hashlib


def hash_text(text: str) -> int:
    """Return 64 bits of a text's blake2b, as a number: among a million texts, two different ones are the same once in 30 million times."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest(), "little")
