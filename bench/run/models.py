"""Who takes part in a bench: the references asked for, and before them the bases that they are held against."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from mteb.abstasks import AbsTask

from ...encoders.protocol import Opened, is_searcher
from ...errors import ConfigError
from ...references import LoadedBases, Resolved, of_base, open_reference
from ..result import BenchedReference
from ..tasks.table import kind_of
from .identity import Identity, identify


@dataclass(frozen=True, slots=True)
class Entrant:
    """One row of the bench: an Encoder or a Searcher. `base` names the entrant that it is held against: None for a base itself."""

    name: str
    encoder: Opened
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
    """Open references, each once, and their bases, which come first. An ensemble over several is held against its first member's.

    Raises:
        AdaptError: as `open_reference`.
    """
    entrants: dict[str, Entrant] = {}
    names: dict[str, str] = {}  # a base's revision -> its name here
    for resolved in references:
        base = _entrant(of_base(resolved.base, resolved.encoding), bases, None)
        if base.identity.revision not in names:
            name = resolved.reference if resolved.kind == "base" else _free_name(base, resolved.base.name, entrants)
            names[base.identity.revision] = name
            entrants[name] = replace(base, name=name)
        if resolved.kind != "base" and resolved.reference not in entrants:
            entrants[resolved.reference] = _entrant(resolved, bases, names[base.identity.revision])
    return sorted(entrants.values(), key=lambda entrant: entrant.base is not None)


def check_tasks(entrants: Sequence[Entrant], tasks: Sequence[AbsTask]) -> None:
    """Refuse a task that needs vectors for an entrant that has none.

    Raises:
        ConfigError: there is one, or the bench does not know a task's kind.
    """
    for task in tasks:
        for entrant in entrants:
            if kind_of(task).needs_vectors and is_searcher(entrant.encoder):
                raise ConfigError(
                    f"{entrant.name} ranks passages and has no vectors, which {task.metadata.name} ({task.metadata.type}) compares; "
                    "bench it on retrieval alone"
                )


def _entrant(resolved: Resolved, bases: LoadedBases, base: str | None) -> Entrant:
    encoder = open_reference(resolved, bases)
    name = resolved.reference if base else f"base-{resolved.base.name}"
    return Entrant(resolved.reference, encoder, identify(name, encoder), resolved.description, base)


def _free_name(base: Entrant, name: str, taken: Collection[str]) -> str:
    choices = ("base", f"base {name}", f"base {name} ({base.identity.revision[:8]})")
    return next(choice for choice in choices if choice not in taken)
