"""The known bases, and where each one lies on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import BaseError
from .fingerprint import fingerprint
from .known import KNOWN_BASES, KnownBase, known_base
from .places import FoundIn, at_hand, has_safetensors, pickled_at_hand


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseAtHand:
    """A known base, and what lies here of it.

    Attributes:
        known: The base.
        folder: Where it lies; None: nowhere.
        found_in: What kind of place that is.
        is_usable: Whether the weights there are safetensors.
        verified: Whether they are its own; None where that cannot be said.
    """

    known: KnownBase
    folder: Path | None
    found_in: FoundIn | None
    is_usable: bool
    verified: bool | None

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON can hold it."""
        names = ("alias", "hub_id", "dimension", "max_tokens", "language", "sha256", "has_safetensors")
        place = {"folder": str(self.folder) if self.folder else None, "found_in": self.found_in}
        return {name: getattr(self.known, name) for name in names} | place | {"is_usable": self.is_usable, "verified": self.verified}

    @property
    def place(self) -> str:
        """Where it lies, and what is to be done before it can be used, as text."""
        if self.folder is None:
            missing = "" if self.known.has_safetensors else f" (pytorch_model.bin on the Hub: adapt base convert {self.known.alias})"
            return f"not here{missing}"
        what = self.known.alias if self.found_in == "cache" else self.folder
        return f"{self.found_in}: {self.folder}" + ("" if self.is_usable else f" (to be converted: adapt base convert {what})")


def list_bases() -> list[BaseAtHand]:
    """Look for each known base on this machine."""
    return [_look_for(known) for known in KNOWN_BASES.values()]


def folder_of(alias: str) -> Path:
    """Return where a known base lies on this machine.

    Raises:
        BaseError: the alias is not known, or it lies nowhere.
    """
    here = at_hand(known_base(alias))
    if here is None:
        raise BaseError(f"{alias} lies nowhere on this machine; give its FOLDER, or name the folder that holds it in ADAPT_BASES")
    return here[0]


def _look_for(known: KnownBase) -> BaseAtHand:
    folder, found_in = at_hand(known) or (pickled_at_hand(known), "cache")
    is_usable = folder is not None and has_safetensors(folder)
    verified = fingerprint(folder) == known.sha256 if folder and is_usable and known.sha256 else None
    return BaseAtHand(known=known, folder=folder, found_in=found_in if folder else None, is_usable=is_usable, verified=verified)
