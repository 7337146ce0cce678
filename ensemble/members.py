"""What all ensembles share: members that encode the same texts, tokenised once for those that tokenise alike."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from ..choices import Role
from ..encoders.protocol import Encoded, NetworkEncoder, OnBatch, Vectors
from ..encoders.together import encode_each
from .modes import RRF_K


@dataclass(frozen=True, slots=True)
class Ensemble:
    """Members with their weights, which have the sum 1."""

    mode: str
    members: tuple[NetworkEncoder, ...]
    weights: tuple[float, ...]

    @property
    def max_tokens(self) -> int:
        """The longest text that no member truncates."""
        return min(member.max_tokens for member in self.members)

    def networks(self) -> tuple[NetworkEncoder, ...]:
        """Return the members."""
        return self.members

    def with_networks(self, networks: Sequence[NetworkEncoder]) -> Self:
        """Return the same ensemble of other members."""
        return replace(self, members=tuple(networks))

    def content(self, role: Role | None = None) -> dict[str, object]:
        """Return mode, weights and the members' own content, of a role or of both (None)."""
        return {
            "mode": self.mode,
            "members": [member.content(role) for member in self.members],
            "weights": list(self.weights),
            "rrf_k": RRF_K,
            "projection": None,
        }

    def encode_each(self, texts: Sequence[str], role: Role, on_batch: OnBatch | None = None) -> list[Encoded]:
        """Return the vectors of each member, and which texts it truncated.

        Raises:
            DataError: a text is None or not a string; its row is named.
        """
        return encode_each(self.members, texts, role, on_batch)


def content_of_matrix(matrix: Vectors) -> list[object]:
    """Return a matrix's shape and the hash of its numbers."""
    return [list(matrix.shape), hashlib.sha256(matrix.tobytes()).hexdigest()]
