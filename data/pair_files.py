"""A file of pairs, recognised by its name and its first line: FlagEmbedding lines, a table of pairs, or one that judges texts."""

from contextlib import suppress
from pathlib import Path

from ..choices import DATA_WORDS
from ..errors import DataError
from ..files import near_files
from .columns import PairRows
from .conversations import conversation_column
from .flag_lines import KEYS, is_flag_line, read_flag_lines
from .judged_tables import JudgedTable, judged_kind
from .read.files import table_suffix
from .read.reading import Reading, strictly
from .readers import TABLE_SUFFIXES, read_jsonl
from .shapes import PairShape
from .tables import COLUMNS, check_pair_table, read_pair_table


def read_pair_file(path: Path, how: Reading | None = None) -> PairRows:
    """Read a file of pairs; the notes are those on its columns, and what `how` gathered is not among them.

    Args:
        path: The file.
        how: How it is read, and where notes on that go; None: strictly, as UTF-8 with the usual names of columns.

    Raises:
        DataError: it is absent, of no kind that is known, empty or malformed.
    """
    _check_there(path)
    if holds_flag_lines(path, how):
        return read_flag_lines(path, how)
    kind = _judged(path, how)
    return read_pair_table(path, how) if kind is None else kind.read(path, how)


def check_pair_file(path: Path, how: Reading | None = None) -> None:
    """Refuse what is not a file of pairs by its name and its first line; its rows are not read.

    Raises:
        DataError: it is absent, of no kind that is known, or lacks a column.
    """
    _check_there(path)
    how = how or strictly()
    if not holds_flag_lines(path, how) and _judged(path, how) is None:
        check_pair_table(path, how)


def _judged(path: Path, how: Reading | None) -> JudgedTable | None:
    """Return what kind of judged table a file is; None where the user names columns of pairs, or what reads pairs says what is wrong with it."""
    if how is not None and how.options.columns:
        return None
    with suppress(DataError):
        return judged_kind(path, how)
    return None


def _check_there(path: Path) -> None:
    if not path.exists():
        near = near_files(path, DATA_WORDS)
        raise DataError(
            f'{path} does not exist; a data source is "sample", "hub", a BEIR folder, or a file that ends in '
            f"{', '.join(TABLE_SUFFIXES)}.{near}"
        )


def holds_flag_lines(path: Path, how: Reading | None = None) -> bool:
    """Distinguish FlagEmbedding lines from a table, two kinds of jsonl by the keys of the first line.

    Raises:
        DataError: the keys are neither those of FlagEmbedding lines nor those of a table.
    """
    if table_suffix(path) != ".jsonl":
        return False
    how = (how or strictly()).aside()
    for where, row in read_jsonl(path, how):
        if how.options.named or conversation_column(tuple(row)) is not None:
            return False
        if is_flag_line(row):
            return True
        try:
            PairShape(where, how).meet(list(row))
        except DataError:
            expected = f"{' and '.join(COLUMNS)}, or {' and '.join(KEYS)}"
            raise DataError(f"{where}: expected the keys {expected}; found {', '.join(row) or 'none'}") from None
        return False
    raise DataError(f"{path} is empty; expected one JSON object a line")
