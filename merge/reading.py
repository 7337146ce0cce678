"""What a merge's folder says of reading texts: pooling, prompts and tokenizer, copied from a parent, else taken from the base."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from ..base.encoding import encoding_of
from ..base.fingerprint import fingerprint
from ..base.known import find_known
from ..base.metadata import FolderMetadata, read_metadata
from ..base.places import find_here
from ..base.resolve import BaseOptions, read_base, resolve_base
from ..base.sentence_files import LENGTH_PATTERN, TOKENIZER_PATTERNS, pad_right, write_sentence_files, write_tokenizer
from ..registry import BaseRecord
from .parents import Parent

_SENTENCE_FILES = ("modules.json", "config_sentence_transformers.json", LENGTH_PATTERN)


def write_reading(folder: Path, parents: Sequence[Parent], base: BaseRecord) -> None:
    """Write how texts are read, as the first parent does that says it; no base is needed where one does.

    Raises:
        BaseError: no parent says it, and the base that does is not at hand.
    """
    source = next((parent.folder for parent in parents if parent.folder and (parent.folder / "modules.json").is_file()), None)
    if source is None:
        _write_from_base(folder, next(parent for parent in parents if parent.folder is not None), base)
        return
    _copy(source, folder)
    if not (read := read_metadata(source)).has_tokenizer:
        _add_tokenizer(folder, read, base)


def _write_from_base(folder: Path, first: Parent, base: BaseRecord) -> None:
    from ..base.load import load_base

    said = BaseOptions(
        pooling=first.pooling,  # type: ignore[arg-type]
        query_prompt=first.prompts.get("query"),
        document_prompt=first.prompts.get("document"),
    )
    found = resolve_base(next(map(str, base.folders()), None) or base.id or base.label, options=said, made_with=first.tokenizing)
    write_sentence_files(load_base(found), folder)


def _copy(source: Path, folder: Path) -> None:
    modules = [module["path"] for module in json.loads((source / "modules.json").read_text(encoding="utf-8")) if module.get("path")]
    for module in modules:
        shutil.copytree(source / module, folder / module, copy_function=shutil.copyfile)
    for pattern in (*_SENTENCE_FILES, *TOKENIZER_PATTERNS):
        for file in sorted(source.glob(pattern)):
            shutil.copyfile(file, folder / file.name)
    pad_right(folder)


def _add_tokenizer(folder: Path, read: FolderMetadata, base: BaseRecord) -> None:
    """Add the base's own tokenizer, with which a parent without one reads; a base that is not on this machine is done without, as in the parent."""
    place = _place_of(base)
    if place is None:
        return
    from ..base.tokenizer import load_tokenizer

    spec = read_base(place, "path")
    encoding = encoding_of(spec, made_with=read)
    write_tokenizer(load_tokenizer(spec, encoding), encoding.max_tokens, folder)


def _place_of(base: BaseRecord) -> Path | None:
    """Return where a base lies on this machine, the Hub not being asked."""
    here = find_here(base.id, find_known(hub_id=base.id)) if base.id else None
    places = [*base.folders(), *([here[0]] if here else [])]
    return next((place for place in places if fingerprint(place) == base.sha256), None)
