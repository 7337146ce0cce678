"""A corpus as a file of rows: which column is the id, which the text and which the title, and its passages one after another.

Where nobody says which columns are meant, their names decide; case and separators do not count.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..errors import DataError
from ..files import near_files
from .pairs import join_title
from .read.reading import Reading
from .readers import ID, Row, read_heading, stream_table, text_of

Field = Literal["id", "text", "title"]
NAMES: dict[Field, tuple[str, ...]] = {
    "id": ("id", "docid", "documentid", "passageid", "corpusid", "pid", "did", "key", "uuid", "编号", "文档编号"),
    "text": ("text", "passage", "content", "contents", "body", "document", "doc", "sentence", "正文", "文本", "内容", "段落"),
    "title": ("title", "heading", "headline", "标题", "题目"),
}
"""Field -> the names of its column, in lower case and without separators; of several that are there, the first is taken."""

_SEPARATORS = re.compile(r"[_\s.-]")


@dataclass(frozen=True, slots=True)
class CorpusColumns:
    """Which columns are read. `id` None: rows are numbered from 0; `title` None: there is none."""

    text: str
    id: str | None = None
    title: str | None = None


@dataclass(frozen=True, slots=True)
class Passage:
    """One row of a corpus: where it stands (file and line), its id, and its title and text as the encoder gets them."""

    where: str
    id: str
    text: str


@dataclass(frozen=True, slots=True)
class CorpusFile:
    """A corpus that can be read again and again, a row at a time.

    Attributes:
        path: The file.
        columns: What is read of it.
        notes: Which columns were chosen on the user's behalf, and which are not used.
        how: How the file is read; None: strictly, as UTF-8.
    """

    path: Path
    columns: CorpusColumns
    notes: tuple[str, ...] = ()
    how: Reading | None = None

    def passages(self, start: int = 0) -> Iterator[Passage]:
        """Yield the passages in their order.

        Args:
            start: The number of the first row, where rows are numbered.

        Raises:
            DataError: the file is malformed, or an id or a text is not one.
        """
        columns = self.columns
        wanted = [each for each in (columns.id, columns.text, columns.title) if each is not None]
        held_out = self.how.held_out if self.how is not None else None
        for number, (where, row) in enumerate(stream_table(self.path, wanted, how=self.how), start):
            if held_out is not None and held_out.meet(row):
                continue
            title = text_of(where, row, columns.title, optional=True) if columns.title is not None else ""
            text = join_title(title, text_of(where, row, columns.text))
            yield Passage(where, str(number) if columns.id is None else _id_of(where, row, columns.id), text)


def find_corpus(path: Path, said: Mapping[Field, str | None] | None = None, how: Reading | None = None) -> CorpusFile:
    """Find out how a corpus is to be read; of its rows, the first one at most is read.

    Args:
        path: A .jsonl, .csv or .tsv file (also with .gz), a .parquet file, or a BEIR folder, whose corpus.jsonl is meant.
        said: Field -> the column that the user named for it.
        how: How the file is read; None: strictly, as UTF-8.

    Raises:
        DataError: it is absent, empty, of another kind, or has no column of texts.
    """
    path = path.expanduser()
    if path.is_dir() and (path / "corpus.jsonl").is_file():
        path = path / "corpus.jsonl"
    if not path.exists():
        raise DataError(f"the corpus {path} does not exist.{near_files(path)}")
    if path.is_dir():
        raise DataError(f"{path} is a folder without a corpus.jsonl; name a .jsonl, .csv, .tsv or .parquet file, or a BEIR folder")
    found = read_heading(path, how)
    if not found:
        raise DataError(f"{path} holds no rows; expected a corpus with columns for text and, if there are any, id and title")
    columns = choose_columns(path, found, said or {})
    return CorpusFile(path, columns, tuple(_notes(path, found, columns, said or {})), how)


def choose_columns(path: Path, found: Sequence[str], said: Mapping[Field, str | None]) -> CorpusColumns:
    """Decide which of the columns that were found are read.

    Raises:
        DataError: one that the user named is not there, or none has a name of texts.
    """
    chosen: dict[Field, str | None] = {}
    for field, names in NAMES.items():
        named = said.get(field)
        if named is not None and named not in found:
            raise DataError(f"{path} has no column {named!r} for the {field}; its columns: {', '.join(found)}")
        by_name = {_plain(column): column for column in reversed(found)}
        chosen[field] = named or next((by_name[name] for name in names if name in by_name), None)
    text = chosen["text"]
    if text is None:
        raise DataError(
            f"{path} has no column of texts that is known by its name ({', '.join(NAMES['text'][:6])}); its columns: {', '.join(found)}; "
            "name it with --text-column"
        )
    return CorpusColumns(text=text, id=chosen["id"], title=chosen["title"])


def _notes(path: Path, found: Sequence[str], columns: CorpusColumns, said: Mapping[Field, str | None]) -> Iterator[str]:
    used = {field: getattr(columns, field) for field in NAMES}
    if any(said.get(field) is None for field in used):
        parts = [f"{field} from {column!r}" for field, column in used.items() if column is not None]
        yield f"{path.name}: {', '.join(parts)}" + ("" if columns.id else "; it has no column of ids, and rows are numbered from 0")
    if unused := [column for column in found if column not in used.values()]:
        yield f"{path.name}: not used: {', '.join(unused)}"


def _id_of(where: str, row: Row, column: str) -> str:
    """Return the id of a row; a whole number is one.

    Raises:
        DataError: it is absent, empty, or something else.
    """
    if row.get(column) is None:
        raise DataError(f"{where}: there is no id under {column!r}; every row needs one")
    found = text_of(where, {ID: row[column]}, ID)
    if not found.strip():
        raise DataError(f"{where}: the id under {column!r} is empty; every row needs one")
    return found


def _plain(column: str) -> str:
    return _SEPARATORS.sub("", column.strip().lower())
