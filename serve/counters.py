"""What `/metrics` tells, under the names that text-embeddings-inference gives to the same things."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Counters:
    """The numbers of one server. The labels hold routes, statuses, and names that are served."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter("te_request_count", "Requests by route and status", ("route", "status"), registry=self.registry)
        self._texts = Counter("te_embed_count", "Texts that got vectors, by version", ("model",), registry=self.registry)
        self._tokens = Counter("te_embed_tokens", "Tokens that went through a network, by version", ("model",), registry=self.registry)
        self._seconds = self._histogram("te_request_duration", "Seconds from a request's head to its answer", _SECONDS)
        self._queue = self._histogram("te_request_queue_duration", "Seconds that texts waited", _SECONDS)
        self._inference = self._histogram("te_request_inference_duration", "Seconds that a batch took", _SECONDS)
        self._batch = self._histogram("te_batch_next_size", "Texts of a batch", _SIZES)
        self._queued = Gauge("te_queue_size", "Texts that wait", registry=self.registry)
        self._adapters = Gauge("adapt_adapters_loaded", "Versions in memory", registry=self.registry)
        self._bytes = Gauge("adapt_adapters_bytes", "What versions in memory take of the budget", registry=self.registry)
        self._evicted = Gauge("adapt_adapters_evicted", "Versions that were dropped for others", registry=self.registry)
        self._cancelled = Counter("adapt_requests_cancelled", "Requests whose client went away", registry=self.registry)

    def _histogram(self, name: str, what: str, buckets: Sequence[float]) -> Histogram:
        return Histogram(name, what, buckets=buckets, registry=self.registry)

    def request(self, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered; `route` is one of the app's own."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.observe(seconds)

    def batch(self, texts: int, seconds: float, waits: Sequence[float]) -> None:
        """Count what went through a network together, and how long each part of it waited before."""
        self._batch.observe(texts)
        self._inference.observe(seconds)
        for wait in waits:
            self._queue.observe(wait)

    def embedded(self, model: str, texts: int, tokens: int) -> None:
        """Count texts that got vectors from a version that is served."""
        self._texts.labels(model).inc(texts)
        self._tokens.labels(model).inc(tokens)

    def cancelled(self) -> None:
        """Count a request whose client went away."""
        self._cancelled.inc()

    def loaded(self, adapters: int, size: int, evicted: int) -> None:
        """Say what is in memory."""
        self._adapters.set(adapters)
        self._bytes.set(size)
        self._evicted.set(evicted)

    def text(self, queued: int) -> bytes:
        """Return all of it in the text format of Prometheus."""
        self._queued.set(queued)
        return generate_latest(self.registry)
