"""Reading a glossary (`terms.py`) out of a table with English or Chinese headings."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ..errors import DataError
from .read.reading import BadCell, Reading
from .read_options import PLAIN, ReadOptions
from .readers import Row, stream_table
from .terms import Glossary, Term, fold_name

COLUMNS: dict[str, tuple[str, ...]] = {
    "term": (
        "term",
        "name",
        "preferredterm",
        "headword",
        "术语",
        "术语名称",
        "词条",
        "词语",
        "名称",
        "名词",
        "術語",
        "詞條",
        "名稱",
        "名詞",
    ),
    "definition": (
        "definition",
        "meaning",
        "description",
        "explanation",
        "定义",
        "释义",
        "解释",
        "说明",
        "含义",
        "定義",
        "釋義",
        "解釋",
        "說明",
    ),
    "synonyms": (
        "synonyms",
        "synonym",
        "aliases",
        "alias",
        "aka",
        "同义词",
        "近义词",
        "别名",
        "又称",
        "简称",
        "同義詞",
        "別名",
        "又稱",
        "簡稱",
    ),
    "parent": ("parent", "category", "broader", "class", "group", "上位词", "上级", "类别", "分类", "父类", "類別", "分類", "上位詞"),
}
"""What a column holds -> its names, in lower case and without separators."""

_SEPARATORS = re.compile(r"[\s_\-]")
_BETWEEN = re.compile(r"[;；|｜、\n]")
_COMMAS = re.compile(r"，|,(?!\d)|(?<!\d),")
"""Not those between two digits: 1,2-dichloroethane and 1,000 are one."""


def read_glossary(path: Path, options: ReadOptions = PLAIN) -> Glossary:
    """Read a glossary out of a table: columns for the term and its definition, synonyms or parent, by `COLUMNS`.

    Synonyms are a list, or a text with `;`, `|` or `、` between them (commas where there is none of these).

    Args:
        path: A csv, tsv, jsonl, json, parquet or xlsx file.
        options: Its encoding, sheet, and whether bad rows are skipped; columns go by their names.

    Raises:
        DataError: the file is absent or malformed, has no column of terms, or none of definitions or synonyms, or a term is empty.
    """
    how = Reading(options)
    terms: list[Term] = []
    for where, row in stream_table(path, ("term",), _roles, how):
        roles = _assign(path, tuple(row))
        try:
            terms.append(_term(where, {role: row[column] for column, role in roles.items()}))
        except DataError as e:
            how.bad.refuse_error(where, e)
    if not terms:
        raise DataError(f"{path} holds no terms; expected rows under term, and definition or synonyms")
    return Glossary(tuple(terms), (*how.notes, *_notes(path, terms)))


def _roles(columns: Sequence[str]) -> list[str]:
    return [_role(column) or column for column in columns]


def _role(column: str) -> str | None:
    name = _SEPARATORS.sub("", column).lower()
    return next((role for role, names in COLUMNS.items() if name in names), None)


def _assign(path: Path, columns: tuple[str, ...]) -> dict[str, str]:
    """Return column -> role of those that have one."""
    roles = {column: role for column in columns if (role := _role(column))}
    if twice := [role for role, times in Counter(roles.values()).items() if times > 1]:
        named = " and ".join(repr(column) for column, role in roles.items() if role == twice[0])
        raise DataError(f"{path}: the columns {named} both name the {twice[0]}; rename or remove one of them")
    if not {"definition", "synonyms"} & set(roles.values()):
        raise DataError(f"{path} has terms alone ({', '.join(columns)}); expected a column definition or synonyms as well")
    return roles


def _term(where: str, row: Row) -> Term:
    name = _text(where, row, "term")
    if not name:
        raise DataError(f"{where}: the term is empty; fill it or remove the row")
    synonyms = dict.fromkeys(synonym for synonym in _listed(where, row.get("synonyms")) if fold_name(synonym) != fold_name(name))
    return Term(
        name=name,
        definition=_text(where, row, "definition") or None,
        synonyms=tuple(synonyms),
        parent=_text(where, row, "parent") or None,
    )


def _text(where: str, row: Row, role: str, *, joined: bool = True) -> str:
    """Return a cell as a text, its white space as single spaces unless `joined` is off."""
    value = row.get(role)
    if value is None or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, BadCell):
        raise DataError(f"{where}: {value}")
    if not isinstance(value, str | int | float):
        raise DataError(f"{where}: expected a text as {role}, found a {type(value).__name__}")
    return " ".join(str(value).split()) if joined else str(value)


def _listed(where: str, value: object) -> Iterator[str]:
    if isinstance(value, list):
        parts: Iterable[object] = value
    else:
        text = _text(where, {"synonyms": value}, "synonyms", joined=False)
        parts = (_BETWEEN if _BETWEEN.search(text.strip()) else _COMMAS).split(text)
    for part in parts:
        if not isinstance(part, str):
            raise DataError(f"{where}: expected texts as synonyms, found a {type(part).__name__}")
        if part.strip():
            yield " ".join(part.split())


def _notes(path: Path, terms: Sequence[Term]) -> Iterator[str]:
    owners: dict[str, set[str]] = defaultdict(set)
    for term in terms:
        for name in term.names:
            owners[fold_name(name)].add(fold_name(term.name))
    if shared := [name for name, own in owners.items() if len(own) > 1]:
        yield f"{path}: {len(shared)} names belong to several terms and are never exchanged, such as {shared[0]!r}"
