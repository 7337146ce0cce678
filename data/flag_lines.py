"""Files of FlagEmbedding lines: `{"query": "...", "pos": ["..."], "neg": ["..."]}`, one JSON object a line.

Source: https://github.com/FlagOpen/FlagEmbedding (the format of its fine-tuning data). `weight`, `pos_scores`, `neg_scores`, `group` and
`time` are read where they are there (`stated.py`); keys beside these, such as `prompt` or `id`, are not used, which is noted.
"""

from pathlib import Path

from ..errors import DataError
from .columns import ColumnRoles, PairRows, gather_rows, holds_list, texts_of
from .gather import TextRow
from .read.reading import Reading, strictly
from .readers import Row, filled_text_of, read_jsonl
from .stated import stated_of

KEYS = ("query", "pos")


def is_flag_line(row: Row) -> bool:
    """Return whether a line has the keys of FlagEmbedding lines, in whatever case."""
    return set(KEYS) <= {key.lower() for key in row}


def read_flag_lines(path: Path, how: Reading | None = None) -> PairRows:
    """Read a file of FlagEmbedding lines.

    Args:
        path: The file.
        how: How it is read, and where notes on that go; None: strictly, as UTF-8.

    Raises:
        DataError: the file is absent or malformed, a key is missing, two keys claim the same place, or a text is empty.
    """
    how = how or strictly()
    return gather_rows(str(path), read_jsonl(path, how), _read, how.bad, how.held_out)


def _read(where: str, row: Row, roles: ColumnRoles) -> TextRow:
    negatives = [key for key in roles.negatives if row[key] is not None]
    return TextRow(
        where,
        filled_text_of(where, row, roles.query or KEYS[0]),
        tuple(text for key in roles.positives or KEYS[1:] for text in _texts(where, row, key)),
        tuple(text for key in negatives for text in _texts(where, row, key)),
        **stated_of(where, row, roles.stated),
    )


def _texts(where: str, row: Row, key: str) -> tuple[str, ...]:
    value = row.get(key)
    if holds_list(key) and not isinstance(value, list):
        raise DataError(
            f"{where}: expected a list of texts under {key!r}, found {'none' if value is None else f'a {type(value).__name__}'}"
        )
    return texts_of(where, row, key)
