"""The record of an experiment: which versions its arms are, since when, with which shares. It is resumed by the same arms alone.

Arms are pinned to version and content, so that a moved alias, or a version that was trained again under its number, is another experiment, into
which all users are drawn afresh. Other shares of the same arms are a ramp of the same one.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, get_args

from ... import disk
from ...errors import DataError
from .split import Slices, slices_of

EXPERIMENTS = "experiments"
Kind = Literal["split", "interleave"]
_ID = re.compile(r"\d{8}-[0-9a-f]{8}")
_SAME = 1e-9
"""By how much two shares may differ that are the same."""


@dataclass(frozen=True, slots=True)
class PinnedArm:
    """An arm as it answers: its name, the version behind it, and the sha256 of its content."""

    name: str
    reference: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Ramp:
    """Other shares: from when on (ISO 8601, UTC), and of each arm, summing to 1."""

    at: str
    shares: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """What is compared.

    Attributes:
        id: Its day and 8 random digits.
        created: When it began, ISO 8601 in UTC.
        kind: Whether a user gets one arm (`split`), or each list holds all (`interleave`).
        arms: At least two.
        shares: With which it began, of each arm; they sum to 1.
        ramps: Other shares since, in order.
    """

    id: str
    created: str
    kind: Kind
    arms: tuple[PinnedArm, ...]
    shares: tuple[float, ...]
    ramps: tuple[Ramp, ...] = ()

    @property
    def present_shares(self) -> tuple[float, ...]:
        """The shares of today."""
        return self.ramps[-1].shares if self.ramps else self.shares

    def slices(self) -> Slices:
        """Return what each arm owns of the users, all ramps made one after another."""
        slices = slices_of(self.shares)
        for ramp in self.ramps:
            slices = slices.ramped(ramp.shares)
        return slices

    def as_dict(self) -> dict[str, Any]:
        """Return the record as its file has it."""
        arms = [
            {"name": arm.name, "reference": arm.reference, "sha256": arm.sha256, "share": share}
            for arm, share in zip(self.arms, self.shares, strict=True)
        ]
        names = [arm.name for arm in self.arms]
        ramps = [{"at": ramp.at, "shares": dict(zip(names, ramp.shares, strict=True))} for ramp in self.ramps]
        return {"id": self.id, "created": self.created, "kind": self.kind, "arms": arms, "ramps": ramps}


def open_experiment(folder: Path, kind: Kind, arms: Sequence[PinnedArm], shares: Sequence[float], now: float) -> tuple[Experiment, str]:
    """Resume the last experiment of a log where its arms are these, with a ramp where the shares differ; begin a new one otherwise.

    Args:
        folder: Of the log.
        kind: How arms are compared.
        arms: As they are pinned today.
        shares: Of each arm; they sum to 1.
        now: Unix seconds.

    Returns:
        The experiment, and what was done, a line for the user.

    Raises:
        DataError: a record is damaged.
        OSError: the record cannot be written.
    """
    last = next(reversed(read_experiments(folder)), None)
    at = _after(last, datetime.fromtimestamp(now, UTC))
    if last is None or (last.kind, set(last.arms)) != (kind, set(arms)) or len(last.arms) != len(arms):
        made = Experiment(
            id=f"{at:%Y%m%d}-{secrets.token_hex(4)}", created=at.isoformat(), kind=kind, arms=tuple(arms), shares=tuple(shares)
        )
        _write(folder, made)
        return made, f"experiment {made.id} begins{_why(last, arms)}"
    by_arm = dict(zip(arms, shares, strict=True))
    wanted = tuple(by_arm[arm] for arm in last.arms)
    if all(abs(old - new) < _SAME for old, new in zip(last.present_shares, wanted, strict=True)):
        return last, f"experiment {last.id} goes on, which began on {last.created[:10]}"
    ramped = replace(last, ramps=(*last.ramps, Ramp(at.isoformat(), wanted)))
    _write(folder, ramped)
    return ramped, f"experiment {last.id} goes on with other shares: {_listed(ramped)}; users of an arm that did not shrink stay in it"


def _after(last: Experiment | None, at: datetime) -> datetime:
    """Return a time after the beginning of the last experiment, also where the clock was set back: the next start resumes the one begun last."""
    return at if last is None else max(at, datetime.fromisoformat(last.created).astimezone(UTC) + timedelta(microseconds=1))


def _why(last: Experiment | None, arms: Sequence[PinnedArm]) -> str:
    if last is None:
        return ""
    before = {arm.name: arm for arm in last.arms}
    moved = [f"{arm.name} is now {arm.reference}" for arm in arms if arm.name in before and before[arm.name] != arm]
    return f": {'; '.join(moved)}" if moved else f": other arms than those of {last.id}"


def _listed(experiment: Experiment) -> str:
    return ", ".join(f"{arm.name} {share:.4g}" for arm, share in zip(experiment.arms, experiment.present_shares, strict=True))


def _write(folder: Path, experiment: Experiment) -> None:
    disk.make_folder(folder / EXPERIMENTS)
    content = json.dumps(experiment.as_dict(), ensure_ascii=False, indent=1).encode() + b"\n"
    disk.replace_file(folder / EXPERIMENTS / f"{experiment.id}.json", content, durability="name")


def read_experiments(folder: Path) -> list[Experiment]:
    """Read the records of a log, the oldest first.

    Raises:
        DataError: one is damaged.
    """
    found = [_read(path) for path in (folder / EXPERIMENTS).glob("*.json") if _ID.fullmatch(path.stem)]
    return sorted(found, key=lambda each: (each.created, each.id))


def _read(path: Path) -> Experiment:
    try:
        return _experiment(json.loads(path.read_text(encoding="utf-8")))
    except OSError as e:
        raise DataError(f"{path} cannot be read: {e.strerror or e}") from e
    except (ValueError, KeyError, TypeError, RecursionError) as e:
        raise DataError(f"{path} is damaged ({e!r}); bring it back from a copy, or remove it: its experiment then ends") from e


def _experiment(about: Mapping[str, Any]) -> Experiment:
    arms = tuple(PinnedArm(str(arm["name"]), str(arm["reference"]), str(arm["sha256"])) for arm in about["arms"])
    found = Experiment(
        id=str(about["id"]),
        created=datetime.fromisoformat(about["created"]).isoformat(),
        kind=about["kind"],
        arms=arms,
        shares=tuple(float(arm["share"]) for arm in about["arms"]),
        ramps=tuple(Ramp(str(ramp["at"]), tuple(float(ramp["shares"][arm.name]) for arm in arms)) for ramp in about.get("ramps", ())),
    )
    if found.kind not in get_args(Kind) or len(arms) < 2:
        raise ValueError(f"its kind is {found.kind!r}, of {len(arms)} arms")
    for shares in (found.shares, *(ramp.shares for ramp in found.ramps)):
        if len(shares) != len(arms) or abs(sum(shares) - 1) > 1e-6 or min(shares) < 0:
            raise ValueError(f"its shares are {shares}")
    return found
