"""Whatever the Hub's client lets out -> one line that says what to do, and never holds a token.

The client raises its own errors, raw ones of httpx2, of json and of the system; `reasons.py` says what each means.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from ..errors import AdaptError, HubError
from ..events import QUIET, Events
from .reasons import chain, explain, holds_token, one_line
from .session import LONGEST_WAIT_S, retry_after_s, watched_client

T = TypeVar("T")

TRIES = 4
_RETRIED = (408, 429, 500, 502, 503, 504)


@contextmanager
def told(what: str, *, repo: str = "", writes: bool = False, events: Events = QUIET) -> Iterator[None]:
    """Turn whatever the Hub's client lets out meanwhile into a `HubError`; the client is watched as `watched_client` does it.

    Args:
        what: What did not work, such as `me/mine could not be pulled`; the message begins with it.
        repo: The repository that is asked for; empty where there is none.
        writes: Whether something is sent, so that a token may be one that only reads.
        events: Where waits are told.

    Raises:
        HubError: the Hub refuses, breaks off or cannot be reached.
        AdaptError: as it was raised inside.
    """
    try:
        with watched_client(events):
            yield
    except AdaptError:
        raise
    except Exception as e:
        # The traceback that ADAPT_DEBUG prints would show what a message holds.
        cause = None if any(holds_token(repr(link)) for link in chain(e)) else e
        raise HubError(f"{what}: {explain(e, repo=repo, writes=writes)}") from cause


def with_retries(call: Callable[[], T], events: Events = QUIET, *, tries: int = TRIES) -> T:
    """Call the Hub again where it is busy or the connection breaks: 1, 2, 4 s later, or as long as it asks for, at most a minute.

    Raises:
        Exception: that of the last try, or at once one that another try would not mend.
    """
    for number in range(1, tries):
        try:
            return call()
        except Exception as e:
            if not is_passing(e):
                raise
            wait = min(_asked_wait(e) or 2 ** (number - 1), LONGEST_WAIT_S)
            events.note(f"{one_line(explain(e)).removesuffix('; try again later')}; trying again in {wait} s ({number} of {tries - 1})")
            time.sleep(wait)
    return call()


def is_passing(error: BaseException) -> bool:
    """Return whether the same request may work a little later."""
    import httpx2

    if (status := _status(error)) is not None:
        return status in _RETRIED
    if any(isinstance(link, httpx2.ConnectError) for link in chain(error)):
        return False  # nobody is there
    passing = (httpx2.TimeoutException, httpx2.NetworkError, httpx2.RemoteProtocolError)
    return any(isinstance(link, passing) for link in chain(error))


def _status(error: BaseException) -> int | None:
    found = (getattr(getattr(link, "response", None), "status_code", None) for link in chain(error))
    return next((status for status in found if status is not None), None)


def _asked_wait(error: BaseException) -> int | None:
    responses = (getattr(link, "response", None) for link in chain(error))
    return next((retry_after_s(each) for each in responses if each is not None), None)
