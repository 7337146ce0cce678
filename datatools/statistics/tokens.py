"""A base's tokenizer alone: how long texts are, and into which pieces words fall. No network is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from ...base.spec import EncodingSpec, ResolvedBase


@dataclass(frozen=True, slots=True)
class BaseTokens:
    """The tokens of a base.

    Attributes:
        backend: The tokenizer, which neither cuts nor pads.
        encoding: The instructions, and the longest texts that the base reads.
        unknown: What it makes of characters that it does not know; None: it knows all.
        max_tokens: Longer texts are cut, whatever the base reads.
    """

    backend: Tokenizer
    encoding: EncodingSpec
    unknown: str | None
    max_tokens: int

    def longest(self, role: str) -> int:
        """Return where texts of a role are cut."""
        return min(self.max_tokens, self.encoding.longest(role))

    def lengths(self, texts: Sequence[str], role: str) -> NDArray[np.int64]:
        """Return the length of each text in tokens, uncut, with what the base adds to it: (n,)."""
        prompt = self.encoding.prompt(role)
        encodings = self.backend.encode_batch([_clean(prompt + text) for text in texts])
        return np.array([len(encoding.ids) for encoding in encodings], np.int64)

    def pieces(self, words: Sequence[str]) -> list[tuple[str, ...]]:
        """Return the pieces that each word falls into, by itself."""
        encodings = self.backend.encode_batch([_clean(word) for word in words], add_special_tokens=False)
        return [tuple(encoding.tokens) for encoding in encodings]


def open_tokens(found: ResolvedBase, max_tokens: int) -> BaseTokens:
    """Load the tokenizer of a base.

    Raises:
        BaseError: it does not load.
    """
    from tokenizers import Tokenizer

    from ...base.tokenizer import load_tokenizer

    tokenizer = load_tokenizer(found.spec, found.encoding)
    backend = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    backend.no_padding()
    backend.no_truncation()
    return BaseTokens(backend, found.encoding, tokenizer.unk_token, max_tokens)


def _clean(text: str) -> str:
    """Replace lone surrogates, which no UTF-8 tokenizer accepts."""
    return text.encode("utf-8", "replace").decode("utf-8")
