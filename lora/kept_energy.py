"""How much of what training changed an adapter's factors keep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptEnergy:
    """Squared Frobenius norms of differences to the base, by what they are of (`matrices`, `biases`, `embeddings`, ...).

    Attributes:
        changed: What training changed.
        kept: What of it factors keep; what is not named is left out.
    """

    changed: Mapping[str, float]
    kept: Mapping[str, float]

    @property
    def share(self) -> float:
        """The share of all changes that is kept; 1 where nothing was changed."""
        return _share(sum(self.kept.values()), sum(self.changed.values()))

    def share_of(self, kind: str) -> float:
        """Return the share of the changes of one kind that is kept."""
        return _share(self.kept.get(kind, 0.0), self.changed.get(kind, 0.0))

    def describe(self) -> str:
        """Say it in a line."""
        return describe_shares(self.as_dict())

    def as_dict(self) -> dict[str, float]:
        """Return the shares as JSON can hold them: of all, and of each kind."""
        return {"all": self.share} | {kind: self.share_of(kind) for kind, energy in self.changed.items() if energy}


def describe_shares(shares: Mapping[str, float]) -> str:
    """Say in a line what `KeptEnergy.as_dict` gives."""
    kinds = ", ".join(f"{kind} {share:.1%}" for kind, share in shares.items() if kind != "all")
    return f"{shares['all']:.1%} of the energy of all changes" + (f" ({kinds})" if kinds else "")


def _share(kept: float, changed: float) -> float:
    return 1.0 if changed == 0 else min(1.0, kept / changed)
