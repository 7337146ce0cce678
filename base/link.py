"""`adapt base link`: a verified folder becomes a complete snapshot in the Hugging Face cache, findable under its Hub id.

peft and sentence-transformers look an adapter's base up by its Hub id. A snapshot without pooling would make every program on
the machine mean-pool the base, so a snapshot is written whole or not at all.
"""

import contextlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from ..disk import new_folder
from ..errors import BaseError
from ..hub.snapshots import hub_cache
from .fingerprint import fingerprint, weight_files
from .known import KnownBase, known_base

OWN_MARK = ".adapt-link"
"""A file beside `refs` that lists what adapt wrote into this cache entry, so that undoing it touches nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What linking wrote: the snapshot's folder and its files; `how` says how the weights came there (symlink, hard link, copy)."""

    hub_id: str
    snapshot: Path
    files: tuple[str, ...]
    how: str

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON can hold it."""
        return {"hub_id": self.hub_id, "snapshot": str(self.snapshot), "files": list(self.files), "weights": self.how}


def link_base(folder: Path, alias: str) -> Link:
    """Write a folder's base into the Hugging Face cache under the Hub id of `alias`.

    Raises:
        BaseError: the weights are not those of a known Hub revision, an entry already exists, or it cannot be written.
    """
    known = known_base(alias)
    _check_weights(folder, known)
    entry = _entry(known)
    if entry.exists():
        way_out = f"adapt base link --as {alias} --undo" if (entry / OWN_MARK).exists() else "remove that folder first"
        raise BaseError(f"{entry} already exists and is left unchanged; nothing needs to be linked (to link again: {way_out})")
    try:
        entry.parent.mkdir(parents=True, exist_ok=True)
        with new_folder(entry) as temporary:
            how = _write_entry(folder, known, temporary)
    except OSError as e:
        raise BaseError(
            f"the Hugging Face cache at {entry.parent} cannot be written ({e.strerror}); set HF_HOME to a folder that can"
        ) from e
    snapshot = entry / "snapshots" / known.revision
    files = tuple(sorted(str(path.relative_to(snapshot)) for path in snapshot.rglob("*") if not path.is_dir()))
    return Link(hub_id=known.hub_id, snapshot=snapshot, files=files, how=how)


def unlink_base(alias: str) -> Path:
    """Remove the files that `link_base` wrote, and the folders that are empty then; return the cache entry's folder.

    What the Hub client has put beside them since stays.

    Raises:
        BaseError: there is none, or another program wrote it.
    """
    entry = _entry(known_base(alias))
    if not entry.exists():
        raise BaseError(f"{alias} is not linked: {entry} does not exist")
    if not (entry / OWN_MARK).exists():
        raise BaseError(f"{entry} was not written by adapt base link, and is left unchanged")
    for name in json.loads((entry / OWN_MARK).read_text(encoding="utf-8")):
        (entry / name).unlink(missing_ok=True)
    (entry / OWN_MARK).unlink()
    for folder in sorted((path for path in [entry, *entry.rglob("*")] if path.is_dir() and not path.is_symlink()), reverse=True):
        with contextlib.suppress(OSError):  # not empty: other files are in it
            folder.rmdir()
    return entry


def _entry(known: KnownBase) -> Path:
    return hub_cache() / f"models--{known.hub_id.replace('/', '--')}"


def _check_weights(folder: Path, known: KnownBase) -> None:
    if not folder.is_dir():
        raise BaseError(f"{folder} is not a folder; give the base's folder")
    sha256 = fingerprint(folder)
    if known.sha256 is None:
        raise BaseError(
            f"the sha256 of the weights of {known.hub_id} is not known, so {folder} cannot be verified and is not linked; pass it with --base where it is needed"
        )
    if sha256 != known.sha256:
        raise BaseError(
            f"{folder} does not hold the weights of {known.hub_id}: their sha256 is {known.sha256[:12]}..., these have {sha256[:12]}...; it is not linked"
        )


def _write_entry(folder: Path, known: KnownBase, entry: Path) -> str:
    """Write snapshot, reference and mark under `entry`, and return how the weights came there."""
    from .encoding import encoding_of
    from .load import load_base
    from .resolve import read_base
    from .sentence_files import write_sentence_files
    from .spec import ResolvedBase

    snapshot = entry / "snapshots" / known.revision
    snapshot.mkdir(parents=True)
    spec = read_base(folder, "path", known)
    base = load_base(ResolvedBase(spec, encoding_of(spec)))
    shutil.copyfile(folder / "config.json", snapshot / "config.json")
    write_sentence_files(base, snapshot)
    for extra in ("vocab.txt", "special_tokens_map.json", "sentencepiece.bpe.model"):
        if (folder / extra).is_file() and not (snapshot / extra).exists():
            shutil.copyfile(folder / extra, snapshot / extra)
    hows = [place(path.resolve(), snapshot / path.name) for path in weight_files(folder)]
    (entry / "refs").mkdir()
    (entry / "refs" / "main").write_text(known.revision, encoding="utf-8")
    written = sorted(path.relative_to(entry).as_posix() for path in entry.rglob("*") if not path.is_dir())
    (entry / OWN_MARK).write_text(json.dumps(written, indent=1), encoding="utf-8")
    return hows[0]


def place(source: Path, target: Path) -> str:
    """Put a file at `target` without a second copy where that can be: a symbolic link, else a hard link, else a copy."""
    for how, make in (("symlink", os.symlink), ("hard link", os.link)):
        try:
            make(source, target)
            return how
        except OSError:
            continue
    shutil.copyfile(source, target)
    return "copy"
