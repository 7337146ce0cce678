"""What is served: names -> vectors. Routes ask this alone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from ...choices import Role
from ...encoders.lora import LoraEncoder
from ...encoders.protocol import Vectors
from ...errors import AdaptError, UnknownReferenceError
from ...references import EncoderSettings
from ..counters import Counters
from ..http.refusals import Refusal, invalid
from ..logs import LOGGER
from ..options import Limits
from .catalog import Catalog
from .engine import Engine
from .jobs import Job
from .pins import BASE, Pinned
from .shelf import Loaded, Shelf

Texts = Sequence[str] | Sequence[list[int]]


@dataclass(frozen=True, slots=True)
class Embedded:
    """Texts as vectors.

    Attributes:
        vectors: (n, d) float32 of length 1.
        tokens: How many went through the network.
        truncated: How many of the texts were truncated.
        longest: The tokens that they were truncated to.
    """

    vectors: Vectors
    tokens: int
    truncated: int
    longest: int


class Served:
    """The versions that are served, over one copy of each network.

    Args:
        catalog: The names.
        settings: How vectors are computed.
        memory: Bytes that adapters, and networks besides the base's, may take.
        limits: How much may wait, and how long a batch waits.
    """

    def __init__(self, catalog: Catalog, settings: EncoderSettings, memory: int, limits: Limits | None = None) -> None:
        self.catalog, self.limits, self.counters = catalog, limits or Limits(), Counters()
        self._shelf = Shelf(settings, memory)
        self._engine = Engine(self.limits.queue, self.counters, self.limits.wait_ms)
        self._loader = ThreadPoolExecutor(1, "loader")
        self._loading: dict[tuple[str, str], asyncio.Task[Loaded]] = {}

    def load_now(self, names: Sequence[str]) -> None:
        """Load versions before the server starts, the base first; raises an `AdaptError` where one cannot be served."""
        for name in dict.fromkeys((BASE, *names)):
            pinned = self.catalog.find(name)
            if self._shelf.find(pinned.reference, pinned.sha256) is None:
                self._load(pinned)

    def names(self) -> list[str]:
        """List the names that requests may use, `base` first."""
        return self.catalog.names()

    def pin(self, name: str) -> Pinned:
        """Return which version a name means now.

        Raises:
            Refusal: it is none of the names.
        """
        try:
            return self.catalog.find(name)
        except UnknownReferenceError as e:
            raise Refusal(404, "unknown", str(e), "model") from None

    async def width(self, pinned: Pinned) -> int:
        """Return the width of the vectors of a version, loaded where it is not in memory; raises as `open`."""
        return (await self.open(pinned)).encoder.dimension

    def info(self) -> dict[str, Any]:
        """Return what is served by default, under the names of text-embeddings-inference."""
        base = self.catalog.base
        (encoder,) = self._base().encoder.networks()
        return {
            "model_id": base.base.name,
            "model_sha": base.base.revision or base.base.sha256,
            "model_dtype": {"bf16": "bfloat16", "fp32": "float32"}[encoder.computes_in],
            "model_type": {"embedding": {"pooling": base.encoding.pooling}},
            "max_input_length": encoder.max_tokens,
            "max_batch_tokens": encoder.batch_budget,
            "served_model_name": self.default,
        }

    @property
    def default(self) -> str:
        """The name that is meant where a request cannot name one: the one that was given, or the base."""
        names = list(self.catalog.given)
        return names[0] if len(names) == 1 else BASE

    @property
    def is_stopping(self) -> bool:
        """Whether it takes nothing more."""
        return self._engine.is_stopping

    @property
    def queued(self) -> int:
        """How many texts wait."""
        return self._engine.queued

    @property
    def loaded(self) -> list[str]:
        """The versions in memory, the least recently used first."""
        return [each.reference for each in self._shelf.loaded]

    async def encode(self, texts: Sequence[str], reference: str, role: Role = "document") -> tuple[Vectors, int]:
        """Return the vectors of texts, (n, d) float32 of length 1, and the tokens that went through the network.

        Args:
            texts: What to encode.
            reference: A name that is served.
            role: Of all texts.

        Raises:
            Refusal: the name is unknown, its version cannot be loaded, too many texts wait, or the server stops.
        """
        return await self.encode_pinned(texts, self.pin(reference), role)

    async def encode_pinned(self, texts: Texts, pinned: Pinned, role: Role = "document") -> tuple[Vectors, int]:
        """Return the vectors of a version that a name meant earlier, as `encode`; `texts` may be token ids."""
        found = await self.embed(texts, pinned, role)
        return found.vectors, found.tokens

    async def embed(self, texts: Texts, pinned: Pinned, role: Role) -> Embedded:
        """Return texts as vectors, as `encode_pinned`, with what became of them."""
        loaded = self._shelf.find(pinned.reference, pinned.sha256) or await self.open(pinned)
        if not texts:
            raise invalid("there are no texts")
        if not isinstance(texts[0], str):
            _check_ids(texts, loaded, role)  # type: ignore[arg-type]
        job = self._engine.submit(loaded, role, texts)
        vectors, tokens = await self._wait(job)
        self.counters.embedded(pinned.name, len(texts), tokens)
        return Embedded(vectors, tokens, job.truncated, loaded.longest(role))

    async def open(self, pinned: Pinned) -> Loaded:
        """Return a version in memory, loaded where it is not there.

        Raises:
            Refusal: it cannot be loaded.
        """
        key = pinned.reference, pinned.sha256
        if (found := self._shelf.find(*key)) is not None:
            return found
        if key not in self._loading:
            task = self._loading[key] = asyncio.get_running_loop().create_task(self._load_beside(pinned))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())  # who waited may have gone
        return await asyncio.shield(self._loading[key])

    def keep(self, versions: Iterable[Pinned]) -> None:
        """Keep versions in memory once they are there, and no longer those of the call before: arms answer also when the registry loses them."""
        self._shelf.pinned = frozenset((each.reference, each.sha256) for each in versions)

    def close(self) -> None:
        """Finish what is queued, within the limit, and take nothing more."""
        self._engine.stop(self.limits.stop_s)
        self._loader.shutdown(wait=False, cancel_futures=True)

    async def _wait(self, job: Job) -> tuple[Vectors, int]:
        try:
            return await job.future
        except asyncio.CancelledError:
            self._engine.cancel(job)
            self.counters.cancelled()
            raise

    async def _load_beside(self, pinned: Pinned) -> Loaded:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._loader, self._load, pinned)
        except AdaptError as e:
            LOGGER.error("%s cannot be loaded: %s", pinned.reference, e)
            raise Refusal(503, "unhealthy", f"{pinned.reference} cannot be loaded; the server's log says why", "model") from None
        finally:
            self._loading.pop((pinned.reference, pinned.sha256), None)

    def _base(self) -> Loaded:
        pinned = self.catalog.find(BASE)
        return self._shelf.find(pinned.reference, pinned.sha256) or self._load(pinned)

    def _load(self, pinned: Pinned) -> Loaded:
        resolved = self.catalog.resolve(pinned)
        self.catalog.check_unchanged(pinned, resolved)
        loaded = self._shelf.load(resolved, pinned.reference, pinned.sha256)
        self._engine.keep(self._shelf.loaded)
        self.counters.loaded(len(self._shelf.loaded), self._shelf.size, self._shelf.evicted)
        return loaded


def _check_ids(texts: Sequence[list[int]], loaded: Loaded, role: Role) -> None:
    """Refuse token ids that the network does not have."""
    encoder = loaded.encoder
    if not isinstance(encoder, LoraEncoder):
        raise invalid(f"{loaded.reference} is an ensemble, which takes texts alone", "input")
    most, longest = int(encoder.base.model.config.vocab_size), encoder.longest(role)
    for ids in texts:
        if not ids or len(ids) > longest or not all(0 <= each < most for each in ids):
            raise invalid(f"a list of token ids has 1 to {longest} numbers from 0 to {most - 1}", "input")
