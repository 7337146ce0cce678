"""What `/metrics` tells of searches and events. The labels hold names of arms and versions, and words of this program."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter


class SearchCounters:
    """The numbers of one server's searches."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._searches = Counter("adapt_searches", "Lists that were given, by version or arm", ("model",), registry=registry)
        self._unlogged = Counter("adapt_answers_unlogged", "Lists that are not in the event log, by reason", ("reason",), registry=registry)
        self._events = Counter("adapt_events", "Events that were taken", ("kind",), registry=registry)
        self._refused = Counter("adapt_events_refused", "Events that were refused, by reason", ("reason",), registry=registry)

    def search(self, model: str) -> None:
        """Count a list."""
        self._searches.labels(model).inc()

    def unlogged(self, reason: str) -> None:
        """Count a list that is not in the log."""
        self._unlogged.labels(reason).inc()

    def event(self, kind: str) -> None:
        """Count an event that was taken."""
        self._events.labels(kind).inc()

    def refused(self, reason: str) -> None:
        """Count an event that was refused."""
        self._refused.labels(reason).inc()
