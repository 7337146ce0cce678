"""Whose requests are answered: those for this host, with a key that is known."""

from __future__ import annotations

import hmac
import ipaddress
import re
from hashlib import sha256

from ..options import ServeOptions
from .refusals import Refusal

_HOST = re.compile(r"(?P<name>\[[^\]]*\]|[^:]*)(:[0-9]*)?")
"""A Host header: a name, or an address of IPv6 in brackets, and a port."""


def check_host(header: bytes, allowed: frozenset[str] | None, *, any_address: bool = False) -> None:
    """Refuse a request that was made for another host, as a page of a stranger's in a browser here would make it.

    Args:
        header: The Host header.
        allowed: The names that it may have; None: any.
        any_address: Whether it may be any address, which no stranger's page can make its own name mean.

    Raises:
        Refusal: the Host header names none that is allowed.
    """
    if allowed is None:
        return
    found = _HOST.fullmatch(header.decode("latin-1").lower())
    name = found["name"] if found else ""
    if name.rstrip(".") in allowed or (any_address and _is_address(name)):
        return
    raise Refusal(400, "host", "the Host header names a host that this server does not answer for; start it with --allow-host NAME")


def check_key(header: bytes, options: ServeOptions) -> None:
    """Refuse a request without a key that is known; all keys are compared, each in constant time.

    Raises:
        Refusal: it has none, or another.
    """
    if not options.keys:
        return
    scheme, _, given = header.partition(b" ")
    shown, is_known = sha256(given.strip()).digest(), False
    for key in options.keys:
        is_known |= hmac.compare_digest(sha256(key.encode()).digest(), shown)
    if scheme.lower() != b"bearer" or not is_known:
        message = "a key is needed, as in Authorization: Bearer KEY" if not header else "the key is not known"
        raise Refusal(401, "auth", message, headers={"WWW-Authenticate": "Bearer"})


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
