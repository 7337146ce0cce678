"""The base of what came from elsewhere: found on this machine by its fingerprint, and nothing is fetched for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ...base.fingerprint import fingerprint
from ...base.known import find_known
from ...base.places import find_here
from ...base.resolve import find_base
from ...errors import BaseError
from ...references import Search
from ...registry import BaseRecord


def base_folder(record: BaseRecord, where: Search) -> Path | None:
    """Return the folder of this machine that holds a base; None where none does.

    Args:
        record: Which one.
        where: Holds the base that the user named, if any, which is taken where it is the one.

    Raises:
        BaseError: the named base cannot be found.
    """
    named = [] if where.base is None else [find_base(where.base, options=where.options).folder]
    return next((folder for folder in (*named, *_candidates(record)) if _is_it(folder, record)), None)


def _candidates(record: BaseRecord) -> Iterator[Path]:
    yield from record.folders()
    if record.id is not None and (here := find_here(record.id, find_known(hub_id=record.id))) is not None:
        yield here[0].absolute()


def _is_it(folder: Path, record: BaseRecord) -> bool:
    try:
        return fingerprint(folder) == record.sha256
    except BaseError:  # without weights
        return False
