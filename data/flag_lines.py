"""Files of FlagEmbedding lines: `{"query": "...", "pos": ["..."], "neg": ["..."]}`, one JSON object a line.

Source: https://github.com/FlagOpen/FlagEmbedding (the format of its fine-tuning data). Keys beside these three are not used.
"""

from collections.abc import Iterator
from pathlib import Path

from ..errors import DataError
from .pooling import TextRow, pool_rows
from .readers import Row, filled_text_of, read_jsonl
from .retrieval import Corpus, Pairs

KEYS = ("query", "pos")


def load_flag_lines(path: Path) -> tuple[Corpus, Pairs]:
    """Read a file of FlagEmbedding lines; lines of the same query are joined.

    Raises:
        DataError: the file is absent, empty or malformed, a key is missing, or a text is empty.
    """
    return pool_rows(_rows(path), str(path))


def _rows(path: Path) -> Iterator[TextRow]:
    for where, row in read_jsonl(path):
        negatives = _texts(where, row, "neg") if row.get("neg") is not None else ()
        yield TextRow(where, filled_text_of(where, row, "query"), _texts(where, row, "pos"), negatives)


def _texts(where: str, row: Row, key: str) -> tuple[str, ...]:
    value = row.get(key)
    if not isinstance(value, list):
        raise DataError(
            f"{where}: expected a list of texts under {key!r}, found {'none' if value is None else f'a {type(value).__name__}'}"
        )
    return tuple(value)
