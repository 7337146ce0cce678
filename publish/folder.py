"""A *published folder*: a version as anybody can load it, in adapt, peft and sentence-transformers, with nothing of this machine in it."""

from __future__ import annotations

import fnmatch
import json
import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from .. import disk
from ..base.metadata import TOKENIZER_FILES
from ..base.sentence_files import LENGTH_PATTERN, TOKENIZER_PATTERNS, write_json
from ..ensemble import INSIDE, RECIPE, read_recipe, write_recipe
from ..errors import AdapterError
from ..names import to_name
from ..references import Resolved
from ..registry import Entry, FileRecord, Kind, check_usable
from ..registry.stored import entry_file
from .portable import Names, portable
from .scrub import scrub_file

ENTRY, CONFIG, README = "adapt.json", "adapter_config.json", "README.md"

OF_A_VERSION = (
    *("adapt.json", "adapter_config.json", "adapter_model.safetensors", "biases.safetensors"),
    *("modules.json", "router_config.json", "config_sentence_transformers.json", "[0-9]_*/config.json", "[0-9]_Dense/model.safetensors"),
    *(LENGTH_PATTERN, *TOKENIZER_PATTERNS),
    *("history.json", "energy.json", "search.json", "bench.json", "grams.safetensors", "training_texts.safetensors"),
    *("ensemble.json", "pca.safetensors"),
)
"""The files that a version is made of; whatever else lies in its folder stays here, but for what must go with it."""
OF_A_MODEL = ("config.json", "model.safetensors")
"""What a version that is a whole model has in place of an adapter's weights."""
_GO_WITH_IT = ("LICENSE*", "NOTICE*")
_NESTED = ("document/", "query/", "members/*/")
"""Folders inside that hold such files again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What was written.

    Attributes:
        folder: Where.
        entry: The version, as its `adapt.json` there says.
        left_out: The files of the version that stay here.
    """

    folder: Path
    entry: Entry
    left_out: tuple[str, ...] = ()


def is_a_model(paths: Collection[str]) -> bool:
    """Return whether a repository holds a whole model that adapt has pushed, by the paths of its files."""
    names = set(paths)
    return names.issuperset((ENTRY, *OF_A_MODEL)) and names.isdisjoint((CONFIG, RECIPE))


def goes_along(path: str, kind: Kind) -> bool:
    """Return whether a file of a version goes where the version goes, by its path and the version's kind.

    What tools of training left behind does not.
    """
    if kind == "model" and path in OF_A_MODEL:
        return True
    return is_of_a_version(path) or any(fnmatch.fnmatchcase(path, pattern) for pattern in _GO_WITH_IT)


def is_of_a_version(path: str) -> bool:
    """Return whether a file in a repository is one that such folders are made of, by its path."""
    for nested in _NESTED:
        parts = PurePosixPath(path).parts
        depth = nested.count("/")
        if len(parts) > depth and fnmatch.fnmatch("/".join(parts[:depth]) + "/", nested):
            return is_of_a_version("/".join(parts[depth:]))
    return any(fnmatch.fnmatchcase(path, pattern) and path.count("/") == pattern.count("/") for pattern in OF_A_VERSION)


def write_published(resolved: Resolved, target: Path, names: Names, *, bundle: bool = False) -> Published:
    """Write a version's published folder.

    Args:
        resolved: A version that is registered.
        target: A folder; it is made where it is missing.
        names: What stands for what is of this machine.
        bundle: Whether the members of an ensemble go into the folder, and are not named by where they lie on the Hub.

    Raises:
        AdapterError: a file is another than was registered, the version is of a kind that cannot be used, or of an ensemble a member
            lies neither on the Hub nor inside.
    """
    entry = resolved.entry
    assert entry is not None
    assert resolved.folder is not None
    check_usable(entry)
    target.mkdir(parents=True, exist_ok=True)
    left_out = tuple(_copy(entry, resolved.folder, target, names))
    if entry.kind == "ensemble":
        names = _write_members(resolved, target, names, bundle)
    else:
        _complete(resolved, target, names)
    plain = replace(portable(entry, names), files=_records(target))
    (target / ENTRY).write_bytes(entry_file(plain))
    return Published(folder=target, entry=plain, left_out=left_out)


def _copy(entry: Entry, source: Path, target: Path, names: Names) -> Iterator[str]:
    """Copy what a version is made of, without paths of this machine; yield what is left out."""
    known = {base.path: base.label for base in entry.bases if base.path}
    for path, recorded in entry.files.items():
        file, copy = source / path, target / path
        check_registered(file, recorded)
        if not goes_along(path, entry.kind):
            if path != README:
                yield path
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        plain = scrub_file(file, known, names.machine)
        shutil.copyfile(file, copy) if plain is None else copy.write_bytes(plain)


def check_registered(file: Path, recorded: FileRecord) -> None:
    """Refuse a file of a version that is not what was registered.

    Raises:
        AdapterError: it is missing, or another.
    """
    if not file.is_file() or file.is_symlink() or disk.file_sha256(file) != recorded.sha256:
        how = "is another than was registered" if file.is_file() else "is missing"
        raise AdapterError(f"{file} {how}; restore it from a copy (adapt verify tells all such files)")


def _complete(resolved: Resolved, target: Path, names: Names) -> None:
    """Name an adapter's base by its Hub id, and write what sentence-transformers needs where the version's own folder leaves it to the base."""
    base = names.base(resolved.entry.bases[0])  # type: ignore[union-attr]
    if not (target / "modules.json").is_file() or not any((target / name).is_file() for name in TOKENIZER_FILES):
        from ..base.load import load_base
        from ..base.sentence_files import write_sentence_files
        from ..base.spec import ResolvedBase

        write_sentence_files(load_base(ResolvedBase(resolved.base, resolved.encoding)), target)
    for path in target.rglob(CONFIG):
        config = json.loads(path.read_text(encoding="utf-8"))
        named = {"base_model_name_or_path": base.id, "revision": base.revision}
        if any(config.get(key) != value for key, value in named.items()):
            write_json(path, config | named)
    if resolved.side == "query":
        from ..registry.router_folder import write_routes

        write_routes(target)  # which name the base as well
        (target / README).unlink(missing_ok=True)  # the card says it


def _write_members(resolved: Resolved, target: Path, names: Names, bundle: bool) -> Names:
    """Write the recipe, its members named by commit or by where they lie inside; return the names with theirs."""
    assert resolved.folder is not None
    recipe = read_recipe(resolved.folder)
    inside = dict(_write_inside(resolved, target, names) if bundle else ())
    named = replace(names, versions={**names.versions, **inside})
    for member in recipe.members:
        if not named.version(member.reference).startswith(("hf:", INSIDE)) and member.reference != "base":
            raise AdapterError(
                f"{resolved.reference} needs its member {member.reference}, which others could not find: push that first (adapt push "
                f"{member.reference} OWNER/NAME), or send the members inside with --bundle"
            )
    members = tuple(replace(each, reference=named.version(each.reference), base=names.base(each.base)) for each in recipe.members)
    write_recipe(replace(recipe, members=members), target)
    return named


def _write_inside(resolved: Resolved, target: Path, names: Names) -> Iterator[tuple[str, str]]:
    """Write each member's own published folder; yield its reference, and its path in the ensemble's folder."""
    assert resolved.recipe is not None
    for number, (member, found) in enumerate(zip(resolved.recipe.members, resolved.members, strict=True), start=1):
        if found.entry is None:
            if member.reference == "base" or member.reference.startswith("hf:"):
                continue
            raise AdapterError(
                f"{resolved.reference} has the member {member.reference}, which is in no registry; register it (adapt add), and make the "
                "ensemble again"
            )
        place = f"{INSIDE}{number}-{to_name(found.entry.name, 'member')}"
        write_published(found, target / place, names)
        yield member.reference, place


def _records(folder: Path) -> dict[str, FileRecord]:
    files = disk.files_in(folder)
    return {name: FileRecord(sha256=disk.file_sha256(path), size=path.stat().st_size) for name, path in files.items() if name != ENTRY}
