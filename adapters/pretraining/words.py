"""What of a text is masked or deleted together: a word, a Chinese word, a term of a glossary, or a sign by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...base.load import Base
from ...data.terms import fold_name
from ...data.words import Terms, word_spans

if TYPE_CHECKING:
    from tokenizers import Encoding


@dataclass(frozen=True, slots=True)
class WordTokens:
    """The tokens of a text, as words.

    Attributes:
        ids: The token ids, (t,) int32, with those of the special tokens and of the base's instruction.
        words: Which word each token belongs to, (t,) int32 from 0 on; -1: none, it is special, unknown, or of the instruction.
        is_term: Of each word, whether it is a term, (w,) bool.
    """

    ids: NDArray[np.int32]
    words: NDArray[np.int32]
    is_term: NDArray[np.bool_]


def read_words(base: Base, texts: Sequence[str], terms: Terms, max_tokens: int) -> list[WordTokens]:
    """Tokenise texts as documents, and find their words.

    A word is what `word_spans` finds: Chinese by segmentation, a term whole, however many words it has. A token goes to the word that its
    last character is in; one that continues another (`##` of WordPiece) goes with that, and one that is in no word is one by itself.

    Args:
        base: Whose tokenizer is taken.
        texts: At most `max_tokens` of each are read.
        terms: Of a glossary.
        max_tokens: Special tokens and the instruction included.
    """
    prompt = base.encoding.prompt("document")
    backend = base.backend_tokenizer(min(max_tokens, base.encoding.longest("document")))
    clean = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
    encodings = backend.encode_batch([prompt + text for text in clean])
    continues = getattr(backend.model, "continuing_subword_prefix", None) or "\0"
    unknown = base.tokenizer.unk_token_id
    return [_words_of(encoding, text, len(prompt), terms, continues, unknown) for encoding, text in zip(encodings, clean, strict=True)]


def _words_of(encoding: Encoding, text: str, start: int, terms: Terms, continues: str, unknown: int | None) -> WordTokens:
    spans = word_spans(text, terms)
    ends = [end for _, end in spans]
    ids, words = np.array(encoding.ids, np.int32), np.full(len(encoding.ids), -1, np.int32)
    numbers: dict[tuple[str, int], int] = {}
    is_term: list[bool] = []
    for at, (token, (_, last), special) in enumerate(zip(encoding.tokens, encoding.offsets, encoding.special_tokens_mask, strict=True)):
        if special or last <= start or ids[at] == unknown:
            continue
        if token.startswith(continues) and at and words[at - 1] >= 0:
            words[at] = words[at - 1]
            continue
        row = int(np.searchsorted(ends, last - start))
        inside = row < len(spans) and spans[row][0] < last - start
        key = ("word", row) if inside else ("token", at)
        if key not in numbers:
            numbers[key] = len(is_term)
            is_term.append(inside and fold_name(text[slice(*spans[row])]) in terms.folded)
        words[at] = numbers[key]
    return WordTokens(ids, words, np.array(is_term, bool))


def delete_words(text: str, share: float, terms: Terms, generator: np.random.Generator) -> str:
    """Return a text without some of its words and signs, each of which is deleted with the same probability; at least one stays.

    White space stays where it stood between two that stay, or beside one that went.
    """
    spans = _all_spans(text, terms)
    if not spans:
        return text
    stays = generator.random(len(spans)) >= share
    stays[generator.integers(len(spans))] |= not stays.any()
    kept, at, has_space = "", 0, False
    for (start, end), stay in zip(spans, stays, strict=True):
        has_space |= start > at
        if stay:
            kept += (" " if has_space and kept else "") + text[start:end]
            has_space = False
        at = end
    return kept


def _all_spans(text: str, terms: Terms) -> list[tuple[int, int]]:
    """Return where the words of a text stand, and its other characters but white space."""
    found: list[tuple[int, int]] = []
    at = 0
    for start, end in [*word_spans(text, terms), (len(text), len(text))]:
        found += [(each, each + 1) for each in range(at, start) if not text[each].isspace()]
        if end > start:
            found.append((start, end))
        at = end
    return found
