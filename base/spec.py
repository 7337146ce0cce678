"""What a base is: its weights (`BaseSpec`), and apart from them how texts go in and vectors come out (`EncodingSpec`)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, get_args

from ..choices import Role
from .head import HeadSpec
from .known import Language, Pooling
from .places import FoundIn


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseSpec:
    """The weights of a base that was found.

    Attributes:
        folder: Where they lie.
        found_in: Where they were looked for.
        sha256: Their fingerprint.
        hub_id: The Hub's name for them; None for weights that are not those of a known Hub revision, as is `revision`.
        revision: On the Hub.
        alias: Of the known base whose weights they are.
        taken_for: Alias of the known base whose instruction, length and pooling they take unless the user names another: the one whose weights
            they are, or the one that they were asked for as.
        dimension: The width of vectors.
        positions: The longest input that `config.json` allows, in tokens.
        language: Of texts.
        fallback_reason: Why the embedded base stands in for the default one.
        called: What weights without a Hub id are called, where their folder's name says nothing: a version that is a model, `legal@3`.
    """

    folder: Path
    found_in: FoundIn
    sha256: str
    hub_id: str | None
    revision: str | None
    alias: str | None
    taken_for: str | None = None
    dimension: int
    positions: int
    language: Language
    fallback_reason: str | None = None
    called: str | None = None

    @property
    def name(self) -> str:
        """The Hub id, or for weights that have none what they are called, or else their folder's name."""
        return self.hub_id or self.called or self.folder.name

    @property
    def text_language(self) -> Literal["en", "zh"]:
        """The language of samples and tasks for this base, unless the user names another: English for a base of many languages."""
        return "zh" if self.language == "zh" else "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodingSpec:
    """How texts go into a network and vectors come out: an adapter's own, apart from the weights that it shares with others.

    Attributes:
        pooling: How token states become a vector.
        query_prompt: The instruction before a query.
        document_prompt: The instruction before a document.
        max_tokens: The longest text without a role.
        query_tokens: The longest query.
        document_tokens: The longest document.
        lowercase: Whether texts are lower-cased first.
        tokenizer_folder: The base's folder, or that of an adapter with a tokenizer of its own.
        tokenizer_options: What is given to the tokenizer's class beside its files.
        head: What maps the pooled vector to another width; None: it is left as it is.
    """

    pooling: Pooling
    query_prompt: str
    document_prompt: str
    max_tokens: int
    query_tokens: int
    document_tokens: int
    lowercase: bool
    tokenizer_folder: Path
    tokenizer_options: dict[str, object] = field(default_factory=dict)
    head: HeadSpec | None = None

    @property
    def prompts(self) -> dict[str, str]:
        """Role -> the instruction before each text."""
        return {role: self.prompt(role) for role in get_args(Role)}

    def prompt(self, role: str) -> str:
        """Return the instruction that goes before a text in this role."""
        return self.query_prompt if role == "query" else self.document_prompt

    def longest(self, role: str | None = None) -> int:
        """Return the longest input in this role, in tokens; None: in any role."""
        by_role = {"query": self.query_tokens, "document": self.document_tokens}
        return max(by_role.values()) if role is None else by_role[role]

    def width(self, spec: BaseSpec) -> int:
        """Return the width of vectors over a base: that of the head, where there is one."""
        return spec.dimension if self.head is None else self.head.width

    def within(self, positions: int) -> EncodingSpec:
        """Return it with lengths that a network of so many positions can read."""
        return replace(
            self,
            max_tokens=min(self.max_tokens, positions),
            query_tokens=min(self.query_tokens, positions),
            document_tokens=min(self.document_tokens, positions),
        )


@dataclass(frozen=True, slots=True)
class ResolvedBase:
    """A base that was found, and how texts go into it."""

    spec: BaseSpec
    encoding: EncodingSpec

    @property
    def dimension(self) -> int:
        """The width of its vectors."""
        return self.encoding.width(self.spec)
