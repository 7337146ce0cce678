"""Who takes part in a bench: the references asked for, and before them the bases that they are held against."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from ..encoder import LoraEncoder
from ..references import LoadedBases, Resolved, of_base, open_encoder
from .identity import Identity, identify
from .result import BenchedReference


@dataclass(frozen=True, slots=True)
class Entrant:
    """One row of the bench. `base` names the entrant that it is held against: None for a base itself."""

    name: str
    encoder: LoraEncoder
    identity: Identity
    description: str
    base: str | None

    def described(self) -> BenchedReference:
        """Return what the result says of it."""
        own = self.identity
        return BenchedReference(
            name=self.name,
            base=self.base,
            description=self.description,
            revision=own.revision,
            precision=own.precision,
            max_tokens=own.max_tokens,
        )


def enter(references: Sequence[Resolved], bases: LoadedBases) -> list[Entrant]:
    """Open references, each once, and their bases, which come first.

    Raises:
        AdaptError: as `open_encoder`.
    """
    entrants: dict[str, Entrant] = {}
    names: dict[str, str] = {}  # a base's revision -> its name here
    for resolved in references:
        base = _entrant(of_base(resolved.base), bases, None)
        if base.identity.revision not in names:
            name = resolved.reference if resolved.kind == "base" else _free_name(base, resolved.base.name, entrants)
            names[base.identity.revision] = name
            entrants[name] = replace(base, name=name)
        if resolved.kind != "base" and resolved.reference not in entrants:
            entrants[resolved.reference] = _entrant(resolved, bases, names[base.identity.revision])
    return sorted(entrants.values(), key=lambda entrant: entrant.base is not None)


def _entrant(resolved: Resolved, bases: LoadedBases, base: str | None) -> Entrant:
    encoder = open_encoder(resolved, bases)
    name = resolved.reference if base else f"base-{resolved.base.name}"
    return Entrant(resolved.reference, encoder, identify(name, encoder), resolved.description, base)


def _free_name(base: Entrant, name: str, taken: Collection[str]) -> str:
    choices = ("base", f"base {name}", f"base {name} ({base.identity.revision[:8]})")
    return next(choice for choice in choices if choice not in taken)
