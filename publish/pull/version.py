"""A folder that was fetched -> the draft of a version and what fills its folder, everything checked that can be checked without the base's weights."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from ...base.sentence_files import write_json
from ...base.spec import BaseSpec
from ...errors import AdapterError, BaseError
from ...references import Search
from ...registry import BaseRecord, Entry
from ..bases import base_here
from ..folder import CONFIG
from ..portable import elsewhere
from .choose import CARD
from .contents import Recorded, check_factors, check_model, read_recorded
from .fetched import Fetched

Write = Callable[[Path], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A checked version that is not registered yet.

    Attributes:
        draft: Its entry, without a number.
        write: Fills its folder.
        notes: What the user should know.
    """

    draft: Entry
    write: Write
    notes: tuple[str, ...] = ()


def read_version(found: Fetched, where: Search, *, strict: bool) -> Version | None:
    """Read a version that adapt has pushed, with its members where it is an ensemble; None of what has no record.

    Raises:
        AdapterError: something in it is not what its record says, or cannot be used.
        BaseError: it was made for another base than the one that is here; with `strict`, its base is not here.
    """
    recorded = read_recorded(found.folder, found.others)
    if recorded is None:
        return None
    bases = [(record, base_here(record, where)) for record in recorded.entry.bases]
    is_model = recorded.entry.kind == "model"  # which needs no base
    missing = refuse_unseen([] if is_model else [record for record, spec in bases if spec is None], strict=strict)
    placed = tuple(with_place(record, spec) for record, spec in bases)
    parents = tuple(replace(each, reference=elsewhere(each.reference)) for each in recorded.entry.parents)
    unchecked = tuple(record.sha256 for record in missing)
    draft = replace(recorded.entry, version=0, files={}, parents=parents, bases=placed, unchecked=unchecked)
    check_parts(found.folder, recorded, [spec for _, spec in bases])
    notes = tuple(f"{path} was not taken, though it belongs to the version" for path in recorded.missing)
    return Version(draft=draft, write=lambda target: _write(found.folder, target, recorded.files, placed), notes=notes)


def check_parts(folder: Path, recorded: Recorded, bases: Iterable[BaseSpec | None]) -> None:
    """Hold factors against the base, of which the configuration alone is read.

    Raises:
        AdapterError: they are damaged, or do not fit.
    """
    if recorded.entry.kind == "model":
        check_model(folder)
    elif recorded.entry.kind != "ensemble":
        check_factors(folder)
        check_fit(folder, recorded.entry, bases)


def check_fit(folder: Path, entry: Entry, bases: Iterable[BaseSpec | None]) -> None:
    """As `check_parts`, of factors that were read whole already."""
    if entry.kind in ("ensemble", "model"):
        return
    from ...lora import LoraFile
    from ...registry.foreign import fit_to_base, folder_side

    if (side := folder_side(folder)) != entry.side:
        raise AdapterError(f"its record says that it changes texts of the side {entry.side}, and its files say {side}")
    for spec in bases:
        if spec is not None:
            fit_to_base(LoraFile(folder), spec)


def refuse_unseen(missing: list[BaseRecord], *, strict: bool) -> list[BaseRecord]:
    """Return the bases that are not here, or refuse them with `strict`.

    Raises:
        BaseError: there is one, and `strict`.
    """
    if strict and missing:
        raise BaseError(f"its base {missing[0].label} is not on this machine, so that it cannot be checked; fetch that, or omit --strict")
    return missing


def with_place(record: BaseRecord, spec: BaseSpec | None) -> BaseRecord:
    """Return a base's record with where it lies here."""
    return record if spec is None else replace(record, path=str(spec.folder))


def _write(source: Path, target: Path, files: tuple[str, ...], bases: tuple[BaseRecord, ...]) -> None:
    copy_files(source, target, files)
    if (target / CONFIG).is_file():
        for config in target.rglob(CONFIG):  # of a version for queries alone also that of the documents' route
            name_base(config.parent, bases[0])


def copy_files(source: Path, target: Path, files: Iterable[str]) -> None:
    """Copy files of a folder, and its card."""
    for path in (*files, CARD):
        if (source / path).is_file():
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / path, target / path)


def name_base(folder: Path, base: BaseRecord) -> None:
    """Let `adapter_config.json` name the base by what finds it from everywhere; other fields stay as they are."""
    from ...lora import read_config

    config, (name, revision) = read_config(folder), base.loading_name
    named = {"base_model_name_or_path": name or base.label, "revision": revision}
    if any(config.get(key) != value for key, value in named.items()):
        write_json(folder / CONFIG, config | named)
