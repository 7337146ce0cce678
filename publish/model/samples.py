"""Texts that an exported model is compared on: of the samples that ship, in English and Chinese, of one word and as long as the model reads."""

from __future__ import annotations

from ...data.sample import sample_folder

_OF_EACH = 24


def sample_texts(*, longest: int = 0) -> list[str]:
    """Return passages in both languages; with `longest`, also one that fills so many tokens in any tokenizer."""
    passages = [text for lang in ("en", "zh") for text in _passages(lang)]
    short = ["a", "法律", passages[0][:40]]
    return [*short, *passages, *([" ".join(passages * (1 + 4 * longest // len(" ".join(passages))))] if longest else [])]


def _passages(lang: str) -> list[str]:
    return list(sample_folder("legal", lang).corpus().values())[:_OF_EACH]
