"""A passage as its sentences, English and Chinese."""

from __future__ import annotations

import re

_END, _END_IN_LOWER = (
    re.compile(rf"[。！？；][”’」』）]*|[.!?][\"'”’)\]]*(?=\s+[\"'“‘(\[]?[{letter}0-9\u3400-\u9fff])|\n+") for letter in ("A-Z", "a-z")
)
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\[])(?:mr|mrs|ms|dr|prof|st|no|nos|art|arts|fig|eq|sec|para|paras|ch|vol|pp|p|ed|eds|vs|v|cf|al|approx|inc|ltd|co|dept|"
    r"e\.g|i\.e|etc|[a-z](?:\.[a-z])*)\.$",
    re.IGNORECASE,
)


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Return where the sentences of a text stand, (start, end), without the white space around them; abbreviations end none.

    A sentence begins with a capital, unless the text has none.
    """
    spans, start = [], 0
    for match in (_END_IN_LOWER if text == text.lower() else _END).finditer(text):
        if match[0].startswith(".") and _ABBREVIATION.search(text[max(0, match.start() - 12) : match.start() + 1]):
            continue
        spans.append((start, match.end()))
        start = match.end()
    return [trimmed for span in [*spans, (start, len(text))] if (trimmed := _trim(text, *span)) is not None]


def _trim(text: str, start: int, end: int) -> tuple[int, int] | None:
    inner = text[start:end]
    if not inner.strip():
        return None
    return start + len(inner) - len(inner.lstrip()), start + len(inner.rstrip())
