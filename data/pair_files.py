"""A file of pairs, recognised by its name and its first line: FlagEmbedding lines, or a table."""

from pathlib import Path

from ..choices import DATA_WORDS
from ..errors import DataError
from ..files import near_files
from .columns import PairRows, named_roles
from .flag_lines import KEYS, is_flag_line, read_flag_lines
from .readers import TABLE_SUFFIXES, check_heading, read_jsonl
from .tables import COLUMNS, read_pair_table


def read_pair_file(path: Path) -> PairRows:
    """Read a file of pairs.

    Raises:
        DataError: it is absent, of no kind that is known, empty or malformed.
    """
    _check_there(path)
    return read_flag_lines(path) if holds_flag_lines(path) else read_pair_table(path)


def check_pair_file(path: Path) -> None:
    """Refuse what is not a file of pairs by its name and its first line; its rows are not read.

    Raises:
        DataError: it is absent, of no kind that is known, or lacks a column.
    """
    _check_there(path)
    if not holds_flag_lines(path):
        check_heading(path, COLUMNS, named_roles)


def _check_there(path: Path) -> None:
    if not path.exists():
        near = near_files(path, DATA_WORDS)
        raise DataError(
            f'{path} does not exist; a data source is "sample", "hub", a BEIR folder, or a file that ends in '
            f"{', '.join(TABLE_SUFFIXES)}.{near}"
        )


def holds_flag_lines(path: Path) -> bool:
    """Distinguish FlagEmbedding lines from a table, two kinds of jsonl by the keys of the first line.

    Raises:
        DataError: the keys are neither those of FlagEmbedding lines nor those of a table.
    """
    if path.suffix != ".jsonl":
        return False
    for where, row in read_jsonl(path):
        if not {"query", "positive"} <= set(named_roles(list(row))):
            raise DataError(
                f"{where}: expected the keys {' and '.join(COLUMNS)}, or {' and '.join(KEYS)}; found {', '.join(row) or 'none'}"
            )
        return is_flag_line(row)
    raise DataError(f"{path} is empty; expected one JSON object a line")
