"""Names that columns of pairs have in tables of other people's, in English and in Chinese, beside those that always count (`columns.py`).

They are guesses: where one is used, a note says so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .columns import Role

USUAL_NAMES: dict[Role, tuple[str, ...]] = {
    "query": (
        *("question", "questions", "userquery", "searchquery", "querytext", "searchterm", "keyword", "keywords", "q"),
        *("问题", "提问", "问句", "查询", "查询词", "搜索词", "检索词", "关键词", "用户问题", "患者问题", "咨询", "咨询内容", "问"),
        *("問題", "提問", "問句", "查詢", "查詢詞", "搜尋詞", "檢索詞", "關鍵詞", "用戶問題", "諮詢", "問"),
    ),
    "positive": (
        *("answer", "answers", "response", "reply", "output", "passage", "document", "doc", "content", "text", "a"),
        *("答案", "回答", "答复", "回复", "标准答案", "参考答案", "医生回答", "正例", "相关文档", "文档", "段落", "正文", "内容", "答"),
        *("答覆", "回覆", "標準答案", "參考答案", "相關文件", "文件", "內容"),
    ),
    "negative": (
        *("rejectedresponse", "rejected", "wronganswer"),
        *("负例", "难负例", "错误答案", "不相关文档", "負例", "錯誤答案"),
    ),
}
"""What a column holds -> its names, in lower case and without separators; of several that are there, the first is taken."""

_SEPARATORS = re.compile(r"[_\s.·-]|[（(].*[)）]$")


def guess_columns(role: Role, columns: Sequence[str]) -> list[str]:
    """Return the column that is probably what a role names, and those that are numbered like it; empty where there is none."""
    plain = {_plain(column): column for column in reversed(columns)}
    name = next((name for name in USUAL_NAMES[role] if name in plain), None)
    if name is not None:
        return [plain[name]]
    numbered = {match: column for column in columns if (match := re.fullmatch(r"(.+?)([0-9]{1,3})", _plain(column)))}
    for name in USUAL_NAMES[role]:
        if found := sorted(((int(match[2]), column) for match, column in numbered.items() if match[1] == name)):
            return [column for _, column in found] if role != "query" else []
    return []


def _plain(column: str) -> str:
    return _SEPARATORS.sub("", column.strip().lower())
