"""What still tells of this machine in files that are to leave it: looked for in every one, before anything is sent."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..disk import files_in
from ..errors import AdapterError
from .machine import Machine
from .scrub import VOCABULARIES
from .tensor_header import read_header

_MOST_TOLD = 3


@dataclass(frozen=True, slots=True)
class Trace:
    """What was found, in which file: its path in the folder."""

    file: str
    what: str

    def __str__(self) -> str:
        return f"{self.what} in {self.file}"


def find_traces(folder: Path, machine: Machine, allowed: Collection[str] = ()) -> list[Trace]:
    """Look for folders, absolute paths, and the names of the user and the machine in every file of a folder.

    Of tokens and of tensors only the machine's own folders are looked for: a vocabulary holds most names that people have.

    Args:
        folder: What is to be sent.
        machine: Whose traces.
        allowed: Names that stand there on purpose, such as the owner of the repository.
    """
    names = [name for name in machine.names if name.casefold() not in {each.casefold() for each in allowed}]
    files = files_in(folder)
    inside = {Trace(name, what) for name, path in files.items() for what in _in_file(path, machine, names)}
    in_names = {Trace(name, what) for name in files for what in _names_in(name, names)}
    return sorted(inside | in_names, key=lambda trace: (trace.file, trace.what))


def refuse_traces(folder: Path, machine: Machine, allowed: Collection[str] = ()) -> None:
    """Refuse to send what tells of this machine.

    Raises:
        AdapterError: there is a trace; the message says which, and in which file.
    """
    found = find_traces(folder, machine, allowed)
    if found:
        more = f" and {len(found) - _MOST_TOLD} more" if len(found) > _MOST_TOLD else ""
        raise AdapterError(
            f"nothing was sent, because it would tell of this machine: {'; '.join(map(str, found[:_MOST_TOLD]))}{more}; take that out of the "
            "version's notes, card or files, or keep a name that is meant to stand there with --keep-name NAME"
        )


def _in_file(file: Path, machine: Machine, names: Collection[str]) -> Iterator[str]:
    content = file.read_bytes()
    own = [folder for folder in machine.folders if folder.encode() in content and _stands_alone(folder, content)]
    yield from own[:1]
    if file.name in VOCABULARIES or (file.suffix not in _READERS and b"\0" in content):
        return
    for text, is_key in _READERS.get(file.suffix, _as_text)(file, content):
        yield from (found[0] for found in machine.path_pattern.finditer(text))
        yield from (folder for folder in machine.folders if folder in text and folder not in own and _stands_alone(folder, text.encode()))
        yield from () if is_key else _names_in(text, names)  # a key is a word of the format


def _stands_alone(folder: str, content: bytes) -> bool:
    return bool(re.search(re.escape(folder.encode()) + rb"(?![\w-])", content))


def _names_in(text: str, names: Collection[str]) -> list[str]:
    return [name for name in names if name.casefold() in text.casefold() and _is_word(name, text)]


def _is_word(name: str, text: str) -> bool:
    return bool(re.search(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])", text, re.IGNORECASE))


_Texts = Iterator[tuple[str, bool]]
"""Texts, each with whether it is a key of JSON."""


def _as_text(_file: Path, content: bytes) -> _Texts:
    yield content.decode("utf-8", "replace"), False


def _as_json(file: Path, content: bytes) -> _Texts:
    try:
        yield from _texts(json.loads(content))
    except (ValueError, RecursionError):
        yield from _as_text(file, content)


def _as_tensors(file: Path, _content: bytes) -> _Texts:
    yield from _texts(read_header(file) or {})


def _texts(content: Any) -> _Texts:
    """Yield every text in JSON."""
    if isinstance(content, str):
        yield content, False
    elif isinstance(content, dict):
        for key, value in content.items():
            yield key, True
            yield from _texts(value)
    elif isinstance(content, list):
        for value in content:
            yield from _texts(value)


_READERS = {".json": _as_json, ".safetensors": _as_tensors}
"""Ending of a file -> what gives its texts."""
