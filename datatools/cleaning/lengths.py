"""How many tokens of the base a text has, counted once for each text and role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...choices import Role
from ...data.hashes import hash_text
from ...errors import BaseError
from ...events import Events
from .settings import CleanSettings

if TYPE_CHECKING:
    from tokenizers import Encoding

    from ...base.spec import ResolvedBase

_CHUNK = 1024
_FEW = 64


@dataclass(frozen=True, slots=True)
class Lengths:
    """Tokens of texts, by role and hash of the text, against what is wanted; the base's special tokens and prompt do not count as text."""

    counts: Mapping[Role, Mapping[int, int]]
    fewest: Mapping[Role, int]
    most: Mapping[Role, int]

    def is_short(self, text: str, role: Role) -> bool:
        """Return whether the text has fewer tokens than are wanted of its role."""
        return self.counts[role].get(hash_text(text), self.fewest[role]) < self.fewest[role]

    def is_long(self, text: str, role: Role) -> bool:
        """Return whether the text has more tokens than fit."""
        return self.counts[role].get(hash_text(text), 0) > self.most[role]


def find_base(settings: CleanSettings, language: str) -> ResolvedBase | None:
    """Find the base whose tokens are counted; None where it was not named and the default is not there.

    Raises:
        BaseError: the base that was named is not there.
    """
    from ...base.resolve import BaseOptions, resolve_base

    try:
        return resolve_base(settings.base, options=BaseOptions(settings_of=settings.base_as, language="zh" if language == "zh" else "en"))
    except BaseError:
        if settings.base is not None:
            raise
        return None


def count_lengths(base: ResolvedBase, texts: Mapping[Role, Sequence[str]], settings: CleanSettings, events: Events) -> Lengths:
    """Count the tokens of the texts of each role."""
    from ...base.tokenizer import load_tokenizer

    tokenizer = load_tokenizer(base.spec, base.encoding).backend_tokenizer
    tokenizer.no_truncation()
    tokenizer.no_padding()
    added = {role: len(tokenizer.encode(base.encoding.prompt(role)).ids) for role in texts}
    counts: dict[Role, dict[int, int]] = {role: {} for role in texts}
    for role, of_role in texts.items():
        for start in range(0, len(of_role), _CHUNK):
            chunk = of_role[start : start + _CHUNK]
            encoded = tokenizer.encode_batch([text.encode("utf-8", "replace").decode() for text in chunk], add_special_tokens=False)
            counts[role].update((hash_text(text), _count(tokens, text)) for text, tokens in zip(chunk, encoded, strict=True))
            events.progress("counting tokens", start + len(chunk), len(of_role))
    return Lengths(
        counts,
        {"query": settings.min_query_tokens, "document": settings.min_passage_tokens},
        {role: settings.max_tokens or base.encoding.longest(role) - added[role] for role in texts},
    )


def _count(tokens: Encoding, text: str) -> int:
    """Return how many tokens a text has; of a short one, those that hold a letter or a digit: "No." says no more than "No"."""
    if len(tokens.ids) > _FEW:
        return len(tokens.ids)
    return sum(any(char.isalnum() for char in text[start:end]) for start, end in tokens.offsets)
