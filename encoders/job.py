"""Encoding as a job: a reference that has vectors, found before a text is read; then texts -> vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..choices import Role
from ..events import QUIET, Events, note_once
from ..references import (
    EncoderSettings,
    LoadedBases,
    Resolved,
    Search,
    check_dim,
    check_has_vectors,
    check_length,
    open_encoder,
    resolve_reference,
)
from ..registry import open_registry
from .protocol import Encoded, Vectors
from .reporting import encode_reporting, note_truncated


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeRequest:
    """What encodes, and how.

    Attributes:
        reference: What the user names; it has vectors.
        where: Where references are looked for; None: the user's own registry.
        role: Of the texts, which decides the instruction before them.
        settings: Device, precision, length and batch, and after how many numbers vectors are cut.
    """

    reference: str
    where: Search | None = None
    role: Role = "document"
    settings: EncoderSettings = field(default_factory=EncoderSettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeReport:
    """Texts as vectors, and what made them.

    Attributes:
        reference: The full name of what encoded.
        base: The name of its base, or of an ensemble's bases.
        role: Of the texts.
        encoded: The vectors, (n, d) float32, in the order of the texts, and which texts were truncated.
    """

    reference: str
    base: str
    role: Role
    encoded: Encoded

    @property
    def vectors(self) -> Vectors:
        """The vectors, (n, d) float32."""
        return self.encoded.vectors

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it, without the vectors."""
        return {
            "reference": self.reference,
            "base": self.base,
            "role": self.role,
            "shape": list(self.vectors.shape),
            "truncated": self.encoded.truncated,
        }


@dataclass(frozen=True, slots=True)
class EncodeJob:
    """What can encode: the request, and what its reference names."""

    request: EncodeRequest
    resolved: Resolved

    def run(self, texts: Sequence[str], events: Events = QUIET) -> EncodeReport:
        """Load the base, and encode.

        Raises:
            AdaptError: the weights are damaged, the base does not load, or the device is not here.
        """
        events.stage("loading the base")
        opened = open_encoder(self.resolved, LoadedBases(self.request.settings))
        encoded = encode_reporting(opened, texts, self.request.role, events)
        note_truncated(encoded, opened, events)
        base = " + ".join(base.name for base in self.resolved.bases)
        return EncodeReport(reference=self.resolved.reference, base=base, role=self.request.role, encoded=encoded)


def prepare_encode(request: EncodeRequest, events: Events = QUIET) -> EncodeJob:
    """Find what encodes; no network is loaded.

    Raises:
        AdaptError: the reference is not known, has no vectors or none of so many numbers, or takes no texts of that length.
    """
    resolved = resolve_reference(request.reference, request.where or Search(registry=open_registry()))
    check_has_vectors(resolved)
    check_length(resolved, request.settings.max_tokens)
    note_once(events, (*resolved.notes, *check_dim(resolved, request.settings.dim)))
    return EncodeJob(request, resolved)
