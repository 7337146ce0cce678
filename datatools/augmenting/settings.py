"""The settings of an augmentation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from ...data.terms import Glossary
from ...errors import ConfigError, unknown_name
from .names import METHOD_NAMES

if TYPE_CHECKING:
    from ...encoders.protocol import Encodes
    from .wordnet import WordNet
    from .writer import QueryWriter

Translate = Callable[[Sequence[str]], list[str]]
"""Texts -> as many texts, in another language."""
PassageChoice = Literal["train", "all"]
"""Which passages queries are written for: those that answer training queries, or also all that neither dev nor a test split names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentSettings:
    """What is made of training queries and passages.

    Attributes:
        methods: Names of `METHODS`, in the order in which they are applied; each to the data as they were given.
        copies: Of a query or passage, how many new queries a method makes at most.
        rows: How many new queries a method makes at most; what they are made of is drawn. None: of all.
        share: Of a query's words, how many are changed, above 0, at most 1; at least one is.
        weight: Of a new pair, as a multiple of the weight of the pair that it comes from.
        seed: Of all that is drawn.
        removed_share: How often inverse cloze takes the sentence out of its passage, 0 to 1.
        passages: Whose sentences become queries, and for which a language model writes some.
        glossary: Whose terms are exchanged for their synonyms, and never changed otherwise.
        wordnet: Where other words have their synonyms from.
        translate: There and back, for back-translation.
        writer: What asks a language model for queries.
        encoder: What finds passages for the queries of a language model; None: they are not filtered.
        found_within: Such a query is kept where its passage is among so many of the first.
    """

    methods: tuple[str, ...]
    copies: int = 1
    rows: int | None = None
    share: float = 0.1
    weight: float = 1.0
    seed: int = 0
    removed_share: float = 0.9
    passages: PassageChoice = "train"
    glossary: Glossary = field(default_factory=lambda: Glossary(()))
    wordnet: WordNet | None = None
    translate: tuple[Translate, Translate] | None = None
    writer: QueryWriter | None = None
    encoder: Encodes | None = None
    found_within: int = 10

    def __post_init__(self) -> None:
        for name in self.methods:
            if name not in METHOD_NAMES:
                raise ConfigError(unknown_name("method", name, METHOD_NAMES))
        if not self.methods:
            raise ConfigError(f"no method is named; expected some of {', '.join(METHOD_NAMES)}")
        for name, least in (("copies", 1), ("rows", 1), ("found_within", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise ConfigError(f"{name} is {value}; expected at least {least}")
        if not 0 < self.share <= 1:
            raise ConfigError(f"share is {self.share}; expected above 0 and at most 1")
        if not 0 <= self.removed_share <= 1:
            raise ConfigError(f"removed_share is {self.removed_share}; expected 0 to 1")
        if not 0 < self.weight < float("inf"):
            raise ConfigError(f"weight is {self.weight}; expected a number above 0")
        if self.passages not in get_args(PassageChoice):
            raise ConfigError(unknown_name("choice of passages", self.passages, get_args(PassageChoice)))

    def as_dict(self) -> dict[str, object]:
        """Return the settings that are numbers and words."""
        names = ("methods", "copies", "rows", "share", "weight", "seed", "removed_share", "passages", "found_within")
        return {name: getattr(self, name) for name in names}
