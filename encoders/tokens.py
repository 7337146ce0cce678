"""Texts -> token ids, with the instruction of their role before them."""

import time
from collections.abc import Sequence
from typing import get_args

from ..base.load import Base
from ..choices import Role
from ..errors import DataError, unknown_name
from .protocol import Tokens


def check_texts(texts: Sequence[str], role: Role) -> None:
    """Refuse what cannot be tokenised.

    Raises:
        DataError: a text is None or not a string; its row is named.
        TypeError: the texts are one string.
        ValueError: there is no such role.
    """
    if role not in get_args(Role):
        raise ValueError(unknown_name("role", role, get_args(Role)))
    if isinstance(texts, str):
        raise TypeError("texts is one string; expected a list of them")
    for row, text in enumerate(texts, start=1):
        if not isinstance(text, str):
            raise DataError(f"row {row} is {'empty (None)' if text is None else f'a {type(text).__name__}'}; every row must be a text")


def tokenize(base: Base, texts: Sequence[str], role: Role, max_tokens: int | None = None) -> Tokens:
    """Tokenise texts with the base's instruction for the role, truncated to `max_tokens`, and never longer than the base reads.

    Raises:
        DataError: a text is None or not a string; its row is named.
    """
    check_texts(texts, role)
    started = time.perf_counter()
    prompt = base.encoding.prompt(role)
    longest = min(max_tokens or base.encoding.longest(role), base.encoding.longest(role))
    encodings = base.backend_tokenizer(longest).encode_batch([_clean(prompt + text) for text in texts])
    ids, is_cut = [encoding.ids for encoding in encodings], [bool(encoding.overflowing) for encoding in encodings]
    return Tokens(ids, is_cut, time.perf_counter() - started)


def _clean(text: str) -> str:
    """Replace lone surrogates, which no UTF-8 tokenizer accepts."""
    return text.encode("utf-8", "replace").decode("utf-8")
