"""Queries from a file: a text a line, or a table with a column of them; and the judgements that say what answers them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..errors import DataError
from ..files import near_files
from .columns import named_roles
from .corpus_files import CorpusFile, choose_columns
from .qrels import gather_positives, read_qrels
from .read.files import table_suffix
from .readers import TABLE_SUFFIXES, read_heading
from .text_lines import read_text_lines


def read_query_file(path: Path) -> dict[str, str]:
    """Return id -> query.

    Args:
        path: Lines of text, whose ids are their numbers from 1; a .jsonl, .csv, .tsv or .parquet file with a column called query, anchor,
            question or text, and one of ids; or a BEIR folder, whose queries.jsonl is meant.

    Raises:
        DataError: it is absent, empty or malformed, an id comes twice, or a query is empty.
    """
    path = path.expanduser()
    if path.is_dir():
        path = path / "queries.jsonl"
    if not path.exists():
        raise DataError(f"the file of queries {path} does not exist.{near_files(path)}")
    found = _of_table(path) if table_suffix(path) in TABLE_SUFFIXES else _of_lines(path)
    if not found:
        raise DataError(f"{path} holds no queries; expected one a line")
    return found


def read_answers(path: Path) -> dict[str, dict[str, int]]:
    """Return query id -> passage id -> grade, of those of 1 and more.

    Raises:
        DataError: the file of judgements is absent, malformed, or names no passage that answers a query.
    """
    positives = gather_positives(read_qrels(path.expanduser())).positives
    if not positives:
        raise DataError(f"{path} names no passage that answers a query; expected rows of query-id, corpus-id and a grade above 0")
    return positives


def _of_lines(path: Path) -> dict[str, str]:
    return {str(number): line for number, line in enumerate(read_text_lines(path), 1) if line.strip()}


def _of_table(path: Path) -> dict[str, str]:
    found = read_heading(path)
    named = [column for column, role in zip(found, named_roles(found), strict=True) if role == "query"]
    if not named and "text" not in found:
        named = [column for column in found if column.strip().lower() in ("question", "查询", "问题")]
    columns = replace(choose_columns(path, found, {"text": named[0]} if named else {}), title=None)
    queries: dict[str, str] = {}
    for query in CorpusFile(path, columns).passages(1):
        if query.id in queries:
            raise DataError(f"{query.where}: the id {query.id!r} occurs twice; give each query its own")
        if not query.text.strip():
            raise DataError(f"{query.where}: the query is empty; fill it or remove the row")
        queries[query.id] = query.text
    return queries
