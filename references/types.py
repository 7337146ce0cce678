"""What the user names, found: where its weights lie (`Located`), and with its base and its members (`Resolved`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ..base.encoding import BaseOptions
from ..base.spec import BaseSpec, EncodingSpec
from ..choices import Side
from ..ensemble import Recipe, find_mode
from ..registry import Entry, Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Where references are looked for. `base` is what the user named with `--base`, or None."""

    registry: Registry
    base: str | None = None
    options: BaseOptions = field(default_factory=BaseOptions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """Where the weights that a reference names lie.

    Attributes:
        reference: Its full name: with the version, or as the user wrote it.
        folder: None for `base`.
        entry: What the registry, or the folder's own `adapt.json`, knows of it.
        notes: What was chosen on the user's behalf, to be shown.
    """

    reference: str
    folder: Path | None = None
    entry: Entry | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A reference that was found.

    Attributes:
        reference: Its full name: with the version, or the path.
        kind: What it is, a key of `OPENERS`.
        base: The base that it lies on; the first member's, for an ensemble.
        encoding: How texts go into that base.
        side: Which texts it changes; those of the other role have the vectors of the base. A base alone, which changes none, has `both`.
        folder: Where its weights, or its recipe, are; None for a base.
        entry: What the registry, or the folder's own `adapt.json`, knows of it.
        description: One line for people.
        notes: What was chosen on the user's behalf, to be shown.
        members: Of an ensemble, in the order of its recipe.
        recipe: Of an ensemble; None for what has weights of its own.
        search: What it was looked for with: of a version that is a whole model alone, whose `base` is its own network. The base that it was
            made from is looked for when it is asked for (`base_of`).
    """

    reference: str
    kind: str
    base: BaseSpec
    encoding: EncodingSpec
    side: Side = "both"
    folder: Path | None = None
    entry: Entry | None = None
    description: str
    notes: tuple[str, ...] = ()
    members: tuple[Resolved, ...] = ()
    recipe: Recipe | None = None
    search: Search | None = None

    @property
    def has_vectors(self) -> bool:
        """Whether texts get vectors; an ensemble that ranks has none."""
        return self.recipe is None or find_mode(self.recipe.mode).has_vectors

    @property
    def dimension(self) -> int | None:
        """The width of its vectors; None of what ranks and has none."""
        return self.encoding.width(self.base) if self.recipe is None else self.recipe.dimension

    @property
    def bases(self) -> tuple[BaseSpec, ...]:
        """The base, or the different bases of an ensemble's members."""
        return tuple({member.base.sha256: member.base for member in self.members}.values()) or (self.base,)
