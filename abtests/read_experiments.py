"""The records of experiments as readers see them: which arms there were, and which shares they had when."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from ..errors import DataError, unknown_name

Kind = Literal["split", "interleave"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One arm: its name, what it was pinned to, and the share of the traffic that it had at first, 0 to 1."""

    name: str
    reference: str
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentRecord:
    """An experiment; `ramps` are the shares by arm's name from a moment on (seconds since 1970), the first of them from its start."""

    id: str
    created: float
    kind: Kind
    arms: tuple[Arm, ...]
    ramps: tuple[tuple[float, Mapping[str, float]], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the arms, in the order of the record."""
        return tuple(arm.name for arm in self.arms)


def read_experiments(folder: Path) -> list[ExperimentRecord]:
    """Return the experiments of a log, oldest first.

    Raises:
        DataError: a record cannot be read.
    """
    found = [_read_record(path) for path in sorted((folder / "experiments").glob("*.json"))]
    return sorted(found, key=lambda each: (each.created, each.id))


def choose_experiment(folder: Path, wanted: str | None) -> tuple[ExperimentRecord, int]:
    """Return the experiment of an id, or the newest one, and how many others there are.

    Raises:
        DataError: there is none, or the id is unknown.
    """
    found = read_experiments(folder)
    if not found:
        raise DataError(
            f"{folder} holds no experiment; expected {folder / 'experiments'}/ID.json, which adapt serve --events {folder} --split writes"
        )
    if wanted is None:
        return found[-1], len(found) - 1
    for each in found:
        if each.id == wanted:
            return each, len(found) - 1
    raise DataError(unknown_name("experiment", wanted, [each.id for each in found]))


def _read_record(path: Path) -> ExperimentRecord:
    try:
        return _record(json.loads(path.read_text(encoding="utf-8")))
    except OSError as e:
        raise DataError(f"{path} cannot be read: {e.strerror or e}") from e
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        raise DataError(f"{path} is not the record of an experiment; expected id, created, kind and arms, as adapt serve writes them") from None


def _record(row: Mapping[str, Any]) -> ExperimentRecord:
    arms = tuple(Arm(name=str(arm["name"]), reference=str(arm.get("reference", arm["name"])), share=_share(arm["share"])) for arm in row["arms"])
    if not arms or len({arm.name for arm in arms}) < len(arms) or row["kind"] not in ("split", "interleave"):
        raise ValueError
    created = _moment(row["created"])
    ramps = [(_moment(ramp["at"]), {name: _share(share) for name, share in ramp["shares"].items()}) for ramp in row.get("ramps") or ()]
    start = (-math.inf, {arm.name: arm.share for arm in arms})
    return ExperimentRecord(id=str(row["id"]), created=created, kind=row["kind"], arms=arms, ramps=(start, *sorted(ramps, key=lambda each: each[0])))


def _moment(value: object) -> float:
    """Return seconds since 1970 of a number, or of a time as ISO 8601 writes it; one without a zone is UTC."""
    if isinstance(value, int | float):
        return float(value)
    moment = datetime.fromisoformat(str(value))
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _share(value: object) -> float:
    share = float(str(value))
    if not 0 <= share <= 100:
        raise ValueError
    return share
