r"""Rules of a domain, out of a toml file: a value that a query names, which a passage that answers it must hold, or must not.

```toml
[[rule]]
name = "article"
query = '(?i)article\s+(?P<value>\d+)'   # what the query names
passage = '(?i)article\s+(?P<value>\d+)' # where it stands in passages; left out: as in the query
holds = "must"                           # or "must not"
do = ["add-negatives", "remove-false-negatives"]
```
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from ...data.read.files import reading
from ...errors import DataError, unknown_name
from .numerals import chinese_number

Holds = Literal["must", "must not"]
Action = Literal["add-positives", "add-negatives", "remove-false-negatives", "drop-positives"]
KEYS = ("name", "query", "passage", "holds", "do", "most_positives", "most_negatives")
VALUE = "value"
DEFAULT_DO: tuple[Action, ...] = ("add-negatives", "remove-false-negatives")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule.

    Attributes:
        name: What it is called in the report.
        query: Finds the values that a query names, in its groups called `value`.
        passage: Finds the values in a passage likewise.
        holds: Whether a passage that answers must hold all of the query's values, or must not hold any.
        do: What is done where that tells something about a pair.
        most_positives: A value that more passages hold than this is too common to tell an answer: none is added.
        most_negatives: How many passages with another value (`must`), or with one of these (`must not`), are added at most.
    """

    name: str
    query: re.Pattern[str]
    passage: re.Pattern[str]
    holds: Holds = "must"
    do: tuple[Action, ...] = DEFAULT_DO
    most_positives: int = 3
    most_negatives: int = 4

    def asked(self, query: str) -> frozenset[str]:
        """Return the values that a query names."""
        return _values(self.query, query)

    def held(self, passage: str) -> frozenset[str]:
        """Return the values that a passage holds."""
        return _values(self.passage, passage)

    def fits(self, asked: frozenset[str], held: frozenset[str]) -> bool:
        """Return whether a passage with these values may answer a query with those."""
        return asked <= held if self.holds == "must" else not asked & held


def read_rules(path: Path) -> tuple[Rule, ...]:
    """Read the rules of a toml file.

    Raises:
        DataError: it is absent, not toml, or a rule is not one; the message names it.
    """
    with reading(path):
        content = path.read_text(encoding="utf-8-sig")
    try:
        table = tomllib.loads(content)
    except tomllib.TOMLDecodeError as e:
        raise DataError(f"{path} is not toml: {e}") from e
    rows = table.get("rule")
    if not isinstance(rows, list) or not rows or table.keys() - {"rule"}:
        raise DataError(f"{path} holds {', '.join(table) or 'nothing'}; expected rules, each under [[rule]]")
    return tuple(_rule(f"{path}, rule {number}", row) for number, row in enumerate(rows, start=1))


def _rule(where: str, row: object) -> Rule:
    if not isinstance(row, dict):
        raise DataError(f"{where}: expected a table under [[rule]], found a {type(row).__name__}")
    if unknown := [key for key in row if key not in KEYS]:
        raise DataError(f"{where}: {unknown_name('key', unknown[0], KEYS)}")
    query = _pattern(where, "query", row.get("query"))
    given = {key: row[key] for key in ("most_positives", "most_negatives") if key in row}
    for key, value in given.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise DataError(f"{where}: {key} is {value!r}; expected a whole number from 1")
    return Rule(
        name=_text(where, "name", row.get("name")),
        query=query,
        passage=_pattern(where, "passage", row["passage"]) if "passage" in row else query,
        holds=_word(where, "holds", row.get("holds", "must"), get_args(Holds)),  # type: ignore[arg-type]
        do=tuple(_word(where, "do", each, get_args(Action)) for each in _list(where, row.get("do", list(DEFAULT_DO)))),  # type: ignore[misc]
        **given,
    )


def _pattern(where: str, key: str, value: object) -> re.Pattern[str]:
    try:
        pattern = re.compile(_text(where, key, value))
    except re.error as e:
        raise DataError(f"{where}: {key} is not a regular expression: {e}") from e
    if VALUE not in pattern.groupindex:
        raise DataError(f"{where}: {key} captures nothing under the name value; write what is compared as (?P<value>...)")
    return pattern


def _text(where: str, key: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise DataError(f"{where}: expected a text under {key}, found {'none' if value is None else repr(value)}")
    return value


def _word(where: str, key: str, value: object, known: tuple[str, ...]) -> str:
    if value not in known:
        raise DataError(f"{where}: {unknown_name(f'word under {key}', str(value), known)}")
    return str(value)


def _list(where: str, value: object) -> list[object]:
    if not isinstance(value, list) or not value:
        raise DataError(f"{where}: expected a list of words under do, found {value!r}")
    return value


def _values(pattern: re.Pattern[str], text: str) -> frozenset[str]:
    """Return what a pattern finds in a text without differences of width, and what of the text as it stands only it finds, such as 39℃."""
    folded = _fold(text)
    found = list(pattern.finditer(folded))
    if folded != text:
        known = "\n".join(match[0] for match in found)  # of 12.5 in full-width characters the whole, and not 12 and 5 as well
        found += [match for match in pattern.finditer(text) if _fold(match[0]) not in known]
    return frozenset(fold_value(match[VALUE]) for match in found if match[VALUE])


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def fold_value(value: str) -> str:
    """Return a value as it is compared: without differences of width and case, no white space, Chinese numerals as digits."""
    text = "".join(_fold(value).split()).lower()
    return str(number) if (number := chinese_number(text)) is not None else text
