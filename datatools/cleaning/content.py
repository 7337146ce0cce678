"""Rows whose texts say too little, are damaged, hold one another, or are too short or long for the base."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...data.pairs import normalise
from .lengths import Lengths
from .mojibake import looks_misread
from .rows import Key, Rows

Hits = Iterator[tuple[Key, str, str]]
"""What a rule finds: key, query, passage."""

_ENGLISH = (
    "n/a|na|nil|null|none|nan|undefined|tbd|todo|test|xxx|lorem ipsum|no data|no answer|no description|not available|not applicable|"
    "click here|read more|see above|see attachment"
)
_CHINESE = "暂无|暂无数据|暂无描述|暂无内容|暂无答案|暂无回答|无内容|无数据|空|待补充|待定|未知|见附件|详见附件|略|如题|测试|点击查看|查看更多|同上"
PLACEHOLDERS = frozenset(f"{_ENGLISH}|{_CHINESE}".split("|"))
"""Texts that stand for one that is not there, in lower case, without punctuation around them."""
_ALSO_WORDS = frozenset(["test", "null", "nil", "none", "nan", "todo", "undefined", "空", "未知", "待定", "略", "测试"])
"""Those of them that people search for: a query may be one."""
_LOST = re.compile("\ufffd|锟斤拷|烫烫烫|屯屯屯")
_AROUND = " \t\n.。!！?？-—_*#~()（）[]【】<>:：;；,，、…'\"“”"
_COPIED_WORDS, _COPIED_HAN = 4, 6


def without_content(rows: Rows) -> Hits:
    """Find positives, and rows whose query, have no letter or digit, or are a placeholder."""
    return (row for row in rows.positives() if is_empty_query(row[1]) or is_empty(row[2]))


def is_empty_query(text: str) -> bool:
    """Return whether a query says nothing."""
    return is_empty(text) and normalise(text).strip(_AROUND) not in _ALSO_WORDS


def is_empty(text: str) -> bool:
    """Return whether a text says nothing."""
    return not any(char.isalnum() for char in text) or normalise(text).strip(_AROUND) in PLACEHOLDERS


def broken(rows: Rows) -> Hits:
    """Find rows with characters that no rule can bring back, or that still look misread."""
    return (row for row in rows.positives() if any(_LOST.search(text) or looks_misread(text) for text in row[1:]))


def short(rows: Rows, lengths: Lengths) -> Hits:
    """Find rows whose query or passage has fewer tokens than wanted."""
    return (row for row in rows.positives() if lengths.is_short(row[1], "query") or lengths.is_short(row[2], "document"))


def long(rows: Rows, lengths: Lengths) -> Hits:
    """Find rows whose query or passage has more tokens than the base reads, or than wanted."""
    return (row for row in rows.positives() if lengths.is_long(row[1], "query") or lengths.is_long(row[2], "document"))


def copied_query(rows: Rows) -> Hits:
    """Find positives that hold their query word for word: of four words, or six Chinese characters, or more."""
    return (row for row in rows.positives() if _says_enough(row[1]) and _holds(_words(row[2]), _words(row[1])))


def _words(text: str) -> str:
    """Return a text's letters and digits in lower case, with one blank in place of everything else."""
    return f" {normalise(''.join(char if char.isalnum() else ' ' for char in text))} "


def _holds(passage: str, query: str) -> bool:
    return query in passage or (not query.isascii() and query.strip() in passage)


def _says_enough(text: str) -> bool:
    return len(_words(text).split()) >= _COPIED_WORDS or sum("一" <= char <= "鿿" for char in text) >= _COPIED_HAN
