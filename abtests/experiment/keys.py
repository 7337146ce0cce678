"""What depends on the secret of a log: who a user is in it, where a user falls in a split, what random choices an answer gets.

The secret is made once for a log and is never in a record. Each use has a key of its own, derived from it, so that none tells of another.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from pathlib import Path

from ... import disk
from ...errors import DataError
from ...names import normalise
from .split import WHOLE

SECRET = "secret"
_BYTES = 32
USER_DIGITS = 32


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """The keys of one log; `repr` shows none of them."""

    secret: bytes

    def derived(self, use: str) -> bytes:
        """Return the key of one use."""
        return hmac.digest(self.secret, use.encode(), "sha256")

    def user(self, key: str) -> str:
        """Return what stands for a user in the log: 32 hexadecimal digits, from which nobody finds the key without the secret."""
        return self._digest("user", as_user(key)).hex()[:USER_DIGITS]

    def point(self, experiment: str, user: str) -> int:
        """Return where a user falls in an experiment, from 0 to below `WHOLE`: evenly, and independent of every other experiment."""
        return int.from_bytes(self._digest("split", experiment, user)[:8]) % WHOLE

    def seed(self, use: str, *of: str) -> int:
        """Return the seed of random choices that can be made again from the same texts."""
        return int.from_bytes(self._digest(use, *of)[:8])

    def _digest(self, use: str, *of: str) -> bytes:
        message = b"".join(len(text).to_bytes(4) + text for text in (each.encode("utf-8", "surrogatepass") for each in of))
        return hmac.digest(self.derived(use), message, hashlib.sha256)


def as_user(key: str) -> str:
    """Return the one spelling of a user's key: NFC, without spaces around it; empty: it names nobody."""
    return normalise(key).strip()


def open_keys(folder: Path, *, may_make: bool) -> Keys:
    """Read the secret of a log, or make it.

    Args:
        folder: Of the log, which is there.
        may_make: Whether one is made where there is none: only for a log that holds nothing yet.

    Raises:
        DataError: it is absent, or damaged.
    """
    path = folder / SECRET
    if not path.exists():
        if not may_make:
            raise DataError(
                f"{folder} holds no {SECRET!r}, by which its users are known; expected the folder of adapt serve --events: "
                "bring the file back from a copy, or name another folder"
            )
        disk.write_private(path, secrets.token_hex(_BYTES).encode() + b"\n")
    try:
        found = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except OSError as e:
        raise DataError(f"{path} cannot be read: {e.strerror or e}") from e
    except ValueError:
        found = b""
    if len(found) != _BYTES:
        raise DataError(f"{path} is damaged: expected {2 * _BYTES} hexadecimal digits; bring it back from a copy, or name another folder")
    return Keys(found)
