"""Serving as a job: everything is found and refused before anything heavy is loaded; then it runs until it is told to stop."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ..errors import MissingExtraError
from ..events import QUIET, Events, note_once
from ..references import EncoderSettings, Resolved, Search, locate_reference
from .models.catalog import Catalog, check_served
from .models.given import find_base, name_given
from .models.pins import BASE
from .options import DEFAULT_MEMORY, ServeOptions

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from .models.served import Served

ENVIRONMENT = {"OMP_WAIT_POLICY": "PASSIVE", "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "256", "LRU_CACHE_CAPACITY": "256"}
"""The network's threads sleep while they wait for one another: spinning, they keep the cores from what reads requests, or runs beside. Where
another process had one of two cores, a batch of 16 queries took 0.15 to 0.3 s so, and 0.6 to 1.3 s otherwise. And of the compiled products, one
for each shape of a batch, 256 are kept and not 1,024, which take half a gigabyte in bfloat16.
"""
_NEEDED = ("starlette", "uvicorn", "prometheus_client")

More = Callable[["Served"], "Sequence[BaseRoute]"]
"""What makes further routes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeRequest:
    """What is served, and how.

    Attributes:
        references: What the user names; empty: the base and all of the registry that lies on it.
        where: Where references are looked for.
        settings: How vectors are computed.
        options: Where it listens, whom it answers, and how much it takes.
        memory: Bytes that adapters, and networks besides the base's, may take.

    Raises:
        MissingExtraError: what serves is not installed.
    """

    references: tuple[str, ...]
    where: Search
    settings: EncoderSettings = field(default_factory=EncoderSettings)
    options: ServeOptions = field(default_factory=ServeOptions)
    memory: int = DEFAULT_MEMORY

    def __post_init__(self) -> None:
        if any(find_spec(name) is None for name in _NEEDED):
            raise MissingExtraError("adapt serve", "serve")


@dataclass(frozen=True, slots=True)
class ServeJob:
    """What can be served: the request, its names, and what those that were given name."""

    request: ServeRequest
    catalog: Catalog
    found: dict[str, Resolved]

    def as_dict(self) -> dict[str, Any]:
        """Return what would be served, as JSON can hold it."""
        options = self.request.options
        return {
            "host": options.host,
            "port": options.port,
            "base": self.catalog.base.base.name,
            "keys": len(options.keys),
            "hosts": None if options.allowed_hosts is None else sorted(options.allowed_hosts),
            "memory": self.request.memory,
            "models": [self._row(name) for name in self.catalog.names()],
        }

    def open(self, events: Events = QUIET) -> Served:
        """Load the base, and what was given by name.

        Raises:
            AdaptError: the weights are damaged, the base does not load, or the device is not here.
        """
        from .models.served import Served

        events.stage("loading the base")
        request = self.request
        served = Served(self.catalog, request.settings, request.memory, request.options.limits)
        served.load_now(list(self.catalog.given))
        return served

    def _row(self, name: str) -> dict[str, Any]:
        pinned = self.catalog.find(name)
        found = self.found.get(name) or locate_reference(pinned.reference, self.catalog.search).entry
        facts: dict[str, Any] = {} if found is None else {"kind": found.kind, "side": found.side}
        if isinstance(found, Resolved):
            facts["dimension"] = found.dimension
        return {"name": name, "reference": pinned.reference, "sha256": pinned.sha256, **facts}


def prepare_serve(request: ServeRequest, events: Events = QUIET) -> ServeJob:
    """Find what is served; no network is loaded.

    Raises:
        AdaptError: a reference is not known or has no vectors, two have one name, or a base is not here.
    """
    set_environment()
    names = name_given(request.references)
    base = find_base(request.references, request.where)
    given = names if request.references else {}
    catalog = Catalog(request.where, base, given, is_registry=not request.references)
    found = check_served(catalog, request.settings.max_tokens)
    note_once(events, (note for name in (BASE, *given) for note in found[name].notes))
    return ServeJob(request, catalog, found)


def set_environment() -> None:
    """Set what torch's libraries read when they are loaded (`ENVIRONMENT`), unless torch is loaded already; the user's own words go before."""
    if "torch" not in sys.modules:
        for name, value in ENVIRONMENT.items():
            os.environ.setdefault(name, value)
