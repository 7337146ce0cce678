"""What a server allows, and whom."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from ..errors import RequestError

DEFAULT_MEMORY = 10**9
LOCAL = ("localhost", "127.0.0.1", "[::1]", "::1")
"""Names of this machine, as a Host header and an address to bind have them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much a server takes at once.

    Attributes:
        texts: Of one request.
        body_bytes: Of one request's body.
        body_s: Seconds until a body has to be there.
        head_s: Seconds until the head of a request has to be there, and that a connection may be idle.
        queue: Texts that wait; more are refused with a 429.
        connections: Open at once; more are refused with a 503.
        wait_ms: How long a batch waits for more texts; 0: it takes what is queued.
        stop_s: How long a server that is stopped goes on with what is queued.
    """

    texts: int = 512
    body_bytes: int = 2_000_000
    body_s: float = 15.0
    head_s: float = 10.0
    queue: int = 4096
    connections: int = 1024
    wait_ms: float = 0.0
    stop_s: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """Where a server listens, whom it answers, and how much it takes.

    Attributes:
        host: The address to bind.
        port: To listen on; 0: one that is free.
        keys: What a client has to show one of; empty: none is asked for.
        open_to_all: Whether it may listen beyond this machine without keys.
        hosts: What a Host header may name besides the address that is bound and this machine.
        public_page: Whether the demo page, which is the same everywhere, is shown without a key; what it asks for needs one all the same.
        token_ids: Whether lists of numbers are token ids of the base.
        limits: How much it takes at once.

    Raises:
        RequestError: it would listen beyond this machine without keys.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    keys: tuple[str, ...] = field(default=(), repr=False)
    open_to_all: bool = False
    hosts: tuple[str, ...] = ()
    public_page: bool = False
    token_ids: bool = False
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if self.keys and self.open_to_all:
            raise RequestError("there are keys, and --no-keys says that none is asked for; leave one of them out")
        if not self.keys and not self.open_to_all and not is_loopback(self.host):
            raise RequestError(
                f"--host {self.host} is reached from other machines, and there are no keys; give --keys FILE or ADAPT_SERVE_KEYS, "
                "or say --no-keys where something else keeps strangers out"
            )

    @property
    def allowed_hosts(self) -> frozenset[str] | None:
        """What a Host header may name, without a port and in lower case; None: anything, where all addresses are bound and none is named."""
        if "*" in self.hosts:
            return None
        own = () if is_any(self.host) else (self.host, f"[{self.host}]")
        return frozenset(name.lower().rstrip(".") for name in (*LOCAL, *own, *self.hosts))


def is_loopback(host: str) -> bool:
    """Return whether an address is reached from this machine alone."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_any(host: str) -> bool:
    """Return whether an address stands for all of a machine."""
    return host in ("", "0.0.0.0", "::", "[::]")
