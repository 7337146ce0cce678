"""The forms that a log may have, in one table: how each is recognised, and what opens it as a stream of impressions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ...data.read.reading import Reading
from ...data.readers import Row, read_heading, stream_table
from ...errors import DataError
from ...files import check_there
from .columns import LOG_FIELDS, assign_fields
from .impressions import Impression, OpenLog, read_impression
from .served import holds_events, open_events


@dataclass(frozen=True, slots=True)
class LogForm:
    """One form: whether a path holds it, and what opens it with the columns that the user named."""

    holds: Callable[[Path], bool]
    open: Callable[[Path, Mapping[str, str], Reading], OpenLog]


def open_log(path: Path, columns: Mapping[str, str], how: Reading) -> OpenLog:
    """Open a log of whatever form.

    Raises:
        DataError: it is absent, of no known form, or lacks a column.
    """
    check_there(path, "the click log")
    for form in FORMS.values():
        if form.holds(path):
            return form.open(path, columns, how)
    raise DataError(
        f"{path} is not a click log; expected a table (csv, tsv, jsonl, parquet) with the columns {', '.join(LOG_FIELDS)}, or the folder that "
        "`adapt serve --events` writes"
    )


def _open_table(path: Path, columns: Mapping[str, str], how: Reading) -> OpenLog:
    heading = read_heading(path, Reading(how.options))
    fields = assign_fields(str(path), heading, columns)
    unused = [column for column in heading if column not in fields.values() or column == fields.get("time")]
    used = [f"{column} ({field})" if field != column else field for field, column in fields.items() if field != "time"]
    how.note(f"{path}: used: {', '.join(used)}" + (f"; not used: {', '.join(unused)}" if unused else ""))

    def reader(where: str, row: Row) -> Callable[[], Impression]:
        return lambda: read_impression(where, row, fields)

    return OpenLog(
        frozenset(fields), ((where, reader(where, row)) for where, row in stream_table(path, list(fields.values()), how=how)), how
    )


FORMS: dict[str, LogForm] = {"table": LogForm(Path.is_file, _open_table), "events": LogForm(holds_events, open_events)}
"""Name -> form, in the order in which they are tried."""
