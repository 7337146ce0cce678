"""What the server's log says of failures: where, and of which kind. Never a message, which may hold what a client sent."""

from __future__ import annotations

import logging
import traceback

LOGGER = logging.getLogger("adapt_embed.serve")


def log_failure(while_doing: str, error: BaseException) -> None:
    """Write down an error that is not the client's, without its message."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    where = " < ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in reversed(frames))
    LOGGER.error("%s failed: %s at %s", while_doing, type(error).__name__, where)
