"""Which experiment of a log is reported."""

from __future__ import annotations

from pathlib import Path

from ...errors import DataError, unknown_name
from ..experiment.record import Experiment, read_experiments
from ..log.read import log_files


def choose_experiment(folder: Path, wanted: str | None) -> tuple[Experiment, int]:
    """Return the experiment of an id, or the newest one, and how many others there are.

    Raises:
        DataError: there is no log or no experiment, the id is unknown, or a record is damaged.
    """
    log_files(folder)
    found = {each.id: each for each in read_experiments(folder)}
    if not found:
        raise DataError(
            f"{folder} holds no experiment; expected the record of one, which adapt serve --events {folder} --split ARMS writes"
        )
    if wanted is not None and wanted not in found:
        raise DataError(unknown_name("experiment", wanted, list(found)))
    return found[wanted or next(reversed(found))], len(found) - 1
