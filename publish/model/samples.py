"""Texts that an exported model is compared on: of the samples that ship, in English and Chinese, of one word and as long as the model reads."""

from __future__ import annotations

from ...data.sample import sample_folder

_OF_EACH = 10


def sample_texts() -> list[str]:
    """Return short texts and passages in both languages."""
    passages = _passages()
    return ["a", "法律", passages[0][:40], *passages]


def long_text(tokens: int) -> str:
    """Return a text that fills so many tokens in any tokenizer: a token has four letters or so."""
    passages = " ".join(_passages())
    return " ".join([passages] * (1 + 8 * tokens // len(passages)))


def _passages() -> list[str]:
    return [text for lang in ("en", "zh") for text in list(sample_folder("legal", lang).corpus().values())[:_OF_EACH]]
