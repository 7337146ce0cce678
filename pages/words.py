"""The language of a page: templates are in English, and a table has what they say in another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

PageLanguage = Literal["en", "zh"]


def words_of(language: PageLanguage, chinese: Mapping[str, str]) -> Callable[[str], str]:
    """Return what gives a text of a template in a language; a text that the table lacks stays English."""
    return (lambda text: chinese.get(text, text)) if language == "zh" else (lambda text: text)
