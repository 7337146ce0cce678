"""Is the Hub in reach? One probe per process, at most three seconds, its answer remembered.

No Hub in reach is not offline mode: with an unresolvable name the Hub client retries for most of a minute before it
turns to its own cache, so nothing here asks it before this probe has said yes.
"""

import http.client
import os
import re
import threading
import urllib.error
import urllib.request
from functools import cache

PROBE_TIMEOUT_S = 3.0
_FROM_A_PROXY = {407, 502, 503, 504}


def hub_endpoint() -> str:
    """Return the Hub's address (`HF_ENDPOINT` is honoured) as it may be shown: without a user and a password in it."""
    address = os.environ.get("HF_ENDPOINT", "").rstrip("/") or "https://huggingface.co"
    return re.sub(r"(?<=://)[^/]*@", "", address)


@cache
def hub_is_reachable() -> bool:
    """Ask the Hub once whether it is there; False in offline mode (`HF_HUB_OFFLINE`) without asking."""
    if _is_offline():
        return False
    answer: list[bool] = []
    # A thread, because a name lookup has no timeout.
    probe = threading.Thread(target=lambda: answer.append(_answers(hub_endpoint())), daemon=True)
    probe.start()
    probe.join(PROBE_TIMEOUT_S)
    return bool(answer and answer[0])


def hub_silence() -> str:
    """Return why the Hub is not asked: offline mode, or no answer."""
    return "offline mode is on (HF_HUB_OFFLINE)" if _is_offline() else f"{hub_endpoint()} cannot be reached"


def _is_offline() -> bool:
    value = os.environ.get("HF_HUB_OFFLINE") or os.environ.get("TRANSFORMERS_OFFLINE") or ""  # as the Hub client itself reads them
    return value.upper() in {"1", "ON", "YES", "TRUE"}


def _answers(endpoint: str) -> bool:
    try:
        with urllib.request.urlopen(urllib.request.Request(endpoint, method="HEAD"), timeout=PROBE_TIMEOUT_S):
            return True
    except urllib.error.HTTPError as e:
        return e.code not in _FROM_A_PROXY  # the Hub answers, if only to refuse HEAD
    except (OSError, ValueError, http.client.HTTPException):
        return False
