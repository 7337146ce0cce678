"""An adapter in a program's hands: it encodes, compares, and knows where it lies and how it scored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..choices import Precision, Role, Side
from ..encoders.protocol import Encoder, Opened, Vectors, is_searcher
from ..errors import AdapterError
from ..events import QUIET, Events
from ..references import EncoderSettings, Search
from ..registry import Entry, ScoreRecord
from .networks import IN_USE, loaded_bases, share
from .shown import as_html, as_line
from .texts import as_texts, as_vectors, cosines

if TYPE_CHECKING:
    from ..lora import LoraFactors
    from .held import Held

Texts = str | Iterable[str]
"""One text, or several."""


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Adapter:
    """A base with an adapter or a merge, an ensemble, or a base by itself. Made by `load`, `train`, `merge_adapters`, `ensemble_adapters`.

    The network is loaded when it is first needed, and shared with whatever else lies on the same weights on the same device. Calls from
    several threads run one after another.

    Attributes:
        reference: Its full name, `legal@1`; of what is in memory alone, the name that it was given.
        kind: `adapter`, `merge`, `ensemble`, `model`, or `base`.
        side: Which texts it changes; under `query`, documents have the vectors of the base, bit for bit.
        base: The name of its base, or of an ensemble's bases.
        domain: What it was made for; None where nobody said.
        path: Its folder; None for a base, and for what is in memory alone.
        entry: What the registry knows of it; None likewise.
        scores: Of which data -> the measurement; `dev` is that of training. Empty where nothing was measured.
        report: What the job that made it reported, as `--json` prints it; empty for what was loaded.
        where: The registry in which it was looked for or put, and the base that was named.
        settings: How vectors are computed.
        held: What opens it.
    """

    reference: str
    kind: str
    side: Side = "both"
    base: str
    domain: str | None = None
    path: Path | None = None
    entry: Entry | None = None
    scores: Mapping[str, ScoreRecord] = field(default_factory=dict)
    report: Mapping[str, Any] = field(default_factory=dict)
    where: Search
    settings: EncoderSettings = field(default_factory=EncoderSettings)
    held: Held

    @cached_property
    def encoder(self) -> Opened:
        """What encodes, or of an ensemble that only ranks, what ranks (`search`); it is loaded at the first use.

        Raises:
            AdaptError: the base does not load, weights are damaged, or the device is not here.
        """
        from ..encoders.truncated import truncated

        with IN_USE:
            bases = loaded_bases(self.settings)
            opened = truncated(self.held.open(bases), self.settings.dim)
            share(bases)
            return opened

    @property
    def dimension(self) -> int:
        """The width of its vectors; raises as `encode`."""
        return self._encoder().dimension

    @property
    def factors(self) -> LoraFactors:
        """Its LoRA factors, module -> A (r, in), B (out, r) and scale, float32; empty for a base.

        Raises:
            AdapterError: an ensemble or a whole model has none of its own, or they are damaged.
        """
        return self.held.factors()

    def encode(self, texts: Texts, role: Role = "document", *, dim: int | None = None, events: Events = QUIET) -> Vectors:
        """Return the vectors of texts, (n, d) float32 of length 1, in their order; of one string its vector, (d,).

        Args:
            texts: One text or several.
            role: Whether they are queries or documents, which decides the instruction before them.
            dim: After how many numbers the vectors are cut and brought to length 1 again, as they were trained for by `loss.dims`; None:
                they are whole, or as `using` said.
            events: Receives the progress, and how many texts were truncated.

        Raises:
            ConfigError: the vectors have fewer numbers than `dim`.
            DataError: a text is not a string; its row is named.
            AdapterError: an ensemble that only ranks has no vectors.
            AdaptError: as `encoder`.
        """
        from ..encoders.reporting import encode_reporting, note_truncated
        from ..encoders.truncated import cut_encoder

        several = as_texts(texts)
        with IN_USE:
            encoder = cut_encoder(self._encoder(), dim)
            encoded = encode_reporting(encoder, several, role, events)
        note_truncated(encoded, encoder, events)
        return encoded.vectors[0] if isinstance(texts, str) else encoded.vectors

    def encode_query(self, texts: Texts, *, events: Events = QUIET) -> Vectors:
        """Return the vectors of queries, as `encode`."""
        return self.encode(texts, "query", events=events)

    def encode_document(self, texts: Texts, *, events: Events = QUIET) -> Vectors:
        """Return the vectors of passages, as `encode`."""
        return self.encode(texts, "document", events=events)

    def similarity(self, queries: Texts | Vectors, documents: Texts | Vectors) -> Vectors:
        """Return the cosines of queries and documents, (q, d) float32; a single one is a row or a column.

        Args:
            queries: Texts, which are encoded as queries, or vectors, (q, dimension) or (dimension,).
            documents: Texts, which are encoded as documents, or vectors.

        Raises:
            DataError: they are neither, or two widths differ.
            AdaptError: as `encode`, where there are texts.
        """
        return cosines(as_vectors(queries, self.encode_query), as_vectors(documents, self.encode_document))

    def using(
        self, *, device: str | None = None, dtype: Precision | None = None, max_tokens: int | None = None, dim: int | None = None
    ) -> Adapter:
        """Return the same with other settings, None leaving one as it is; the network is shared where the device stays.

        Args:
            device: As torch names it.
            dtype: What matrix products are computed in.
            max_tokens: Texts are truncated to it.
            dim: Vectors are cut after so many numbers, and brought to length 1 again.

        Raises:
            ConfigError: the precision is unknown, the length is below 8 tokens, or `dim` below 1.
        """
        own = self.settings
        longest = own.max_tokens if max_tokens is None else max_tokens
        settings = replace(
            own, device=device or own.device, precision=dtype or own.precision, max_tokens=longest, dim=own.dim if dim is None else dim
        )
        return replace(self, settings=settings)

    def as_dict(self) -> dict[str, Any]:
        """Return what is known of it as JSON can hold it."""
        return {
            "reference": self.reference,
            "kind": self.kind,
            "side": self.side,
            "base": self.base,
            "domain": self.domain,
            "path": None if self.path is None else str(self.path),
            "scores": {name: asdict(score) for name, score in self.scores.items()},
        }

    def _encoder(self) -> Encoder:
        opened = self.encoder
        if is_searcher(opened):
            raise AdapterError(
                f"{self.reference} has no vectors: it only ranks passages for a query (encoder.search); for vectors make an ensemble "
                "of the mode concat"
            )
        return opened

    def __repr__(self) -> str:
        return as_line(self.as_dict())

    def _repr_html_(self) -> str:
        return as_html([self.as_dict()])
