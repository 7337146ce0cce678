"""The first numbers of an encoder's vectors, brought to length 1 again: what a model trained by Matryoshka is made for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np

from ..choices import Role
from ..errors import ConfigError
from .protocol import Encoded, Encoder, NetworkEncoder, OnBatch, Opened, Vectors, is_searcher


@dataclass(frozen=True, slots=True)
class TruncatedEncoder:
    """An encoder whose vectors are cut after `dim` numbers. The networks under it, and what is kept of them, have whole ones."""

    encoder: Encoder
    dim: int

    @property
    def dimension(self) -> int:
        """The width of its vectors."""
        return self.dim

    @property
    def max_tokens(self) -> int:
        """The length that texts are truncated to."""
        return self.encoder.max_tokens

    def networks(self) -> tuple[NetworkEncoder, ...]:
        """Return the encoder's."""
        return self.encoder.networks()

    def with_networks(self, networks: Sequence[NetworkEncoder]) -> TruncatedEncoder:
        """Return the same over other networks."""
        return replace(self, encoder=self.encoder.with_networks(networks))

    def content(self, role: Role | None = None) -> dict[str, object]:
        """Return the encoder's content, and how many numbers are left."""
        if role is None:
            return {each: self.content(each) for each in get_args(Role)}
        return self.encoder.content(role) | {"dim": self.dim}

    def encode(self, texts: Sequence[str], role: Role = "document", *, on_batch: OnBatch | None = None) -> Encoded:
        """Return the vectors of texts, (n, dim) float32 of length 1, in their order.

        Raises:
            DataError: a text is None or not a string; its row is named.
        """
        encoded = self.encoder.encode(texts, role, on_batch=on_batch)
        return replace(encoded, vectors=truncate(encoded.vectors, self.dim))


def truncate(vectors: Vectors, dim: int) -> Vectors:
    """Return the first `dim` numbers of vectors, (n, d) -> (n, dim), of length 1; one that begins with zeros alone stays zero."""
    cut = vectors[:, :dim]
    result: Vectors = cut / np.maximum(np.linalg.norm(cut, axis=1, keepdims=True), np.float32(1e-12))
    return result


def truncated(opened: Opened, dim: int | None) -> Opened:
    """Return what was opened with vectors of `dim` numbers, as `cut_encoder`; what has no vectors as it is."""
    return opened if is_searcher(opened) else cut_encoder(opened, dim)


def cut_encoder(encoder: Encoder, dim: int | None) -> Encoder:
    """Return an encoder with vectors of `dim` numbers; as it is where they have so many (None: all).

    Raises:
        ConfigError: they have fewer.
    """
    if dim is None or encoder.dimension == dim:
        return encoder
    if not 1 <= dim < encoder.dimension:
        raise ConfigError(f"dim is {dim}, and the vectors have {encoder.dimension} numbers; name 1 to {encoder.dimension}")
    return TruncatedEncoder(encoder, dim)
