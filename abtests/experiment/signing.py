"""Ids of answers that can be told from invented ones without looking them up: a time, random bytes and a signature of both."""

from __future__ import annotations

import base64
import hmac
import re
import secrets

_TIME, _RANDOM, _SIGNATURE = 6, 8, 10
"""Bytes: milliseconds since 1970, what makes it one of a kind, and 80 bits of HMAC-SHA256, which a request a microsecond guesses in 10^10 years."""
_FORM = re.compile("[A-Za-z0-9_-]{32}")


def make_id(key: bytes, at: float) -> str:
    """Return a new id of an answer: 32 letters, digits, `-` and `_`.

    Args:
        key: What signs it.
        at: When the answer is given, unix seconds.
    """
    body = int(at * 1000).to_bytes(_TIME) + secrets.token_bytes(_RANDOM)
    return base64.urlsafe_b64encode(body + _sign(key, body)).decode()


def time_of(key: bytes, text: str) -> float | None:
    """Return when an answer was given, unix seconds; None: the id was not signed with this key. The comparison takes the same time for any id."""
    if not _FORM.fullmatch(text):
        return None
    raw = base64.urlsafe_b64decode(text)
    body, signature = raw[:-_SIGNATURE], raw[-_SIGNATURE:]
    return int.from_bytes(body[:_TIME]) / 1000 if hmac.compare_digest(signature, _sign(key, body)) else None


def _sign(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, body, "sha256")[:_SIGNATURE]
