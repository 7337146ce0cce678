"""A file of terms that stay whole."""

from pathlib import Path

from ...errors import DataError
from ...files import check_there


def read_terms(path: Path) -> tuple[str, ...]:
    """Return the terms of a file, one a line; of a line with tabs, the first column.

    Raises:
        DataError: the file is not there, is not UTF-8, or holds none.
    """
    check_there(path, "the file of terms")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as e:
        raise DataError(f"{path} could not be read: expected UTF-8 text with one term a line ({e})") from e
    terms = tuple(dict.fromkeys(term for line in lines if (term := line.split("\t")[0].strip())))
    if not terms:
        raise DataError(f"{path} holds no terms; expected one a line")
    return terms
