"""Paths of this machine, taken out of what leaves it. `traces.py` looks for what is left."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path, PureWindowsPath
from typing import Any

from .machine import Machine
from .tensor_header import read_header, with_metadata

VOCABULARIES = ("tokenizer.json", "vocab.json", "vocab.txt", "merges.txt", "added_tokens.json")
"""Files of tokens, which are of a language and of no machine: they are sent as they are."""

_TEXTS = (".txt", ".md", ".yaml", ".yml")


def scrub_json(content: Any, names: Mapping[str, str], machine: Machine) -> Any:
    """Return JSON without absolute paths: each known one replaced by its name, any other by its last part.

    Args:
        content: What JSON holds.
        names: Path -> what stands in its stead.
        machine: Whose paths.
    """
    if isinstance(content, dict):
        return {scrub_text(key, names, machine): scrub_json(value, names, machine) for key, value in content.items()}
    if isinstance(content, list):
        return [scrub_json(value, names, machine) for value in content]
    return scrub_text(content, names, machine) if isinstance(content, str) else content


def scrub_text(text: str, names: Mapping[str, str], machine: Machine) -> str:
    """Return a text without absolute paths, as `scrub_json`; what lies in a folder of the machine's own is named from there."""
    if "/" not in text and "\\" not in text:
        return text
    for path in sorted(names, key=len, reverse=True):  # a folder after what lies in it
        text = re.sub(re.escape(path) + r"(?![\w-])", names[path].replace("\\", r"\\"), text)
    if "\n" not in text and _is_path(text, machine):
        return _last_part(text)
    text = machine.path_pattern.sub(lambda found: _last_part(found[0]), text)
    for folder in machine.folders:
        text = re.sub(re.escape(folder) + r"(?![\w-])/?", "", text)
    return text


def scrub_file(file: Path, names: Mapping[str, str], machine: Machine) -> bytes | None:
    """Return what is to stand in a file's stead, without paths of this machine; None where it can be sent as it is.

    Paths are taken out of JSON, of text, and of what stands before the tensors of a safetensors file.
    """
    if file.name in VOCABULARIES:
        return None
    if file.suffix == ".safetensors":
        return _scrub_tensors(file, names, machine)
    if file.suffix == ".json":
        return _scrub_json_file(file, names, machine)
    if file.suffix in _TEXTS:
        text = file.read_text(encoding="utf-8", errors="surrogateescape")
        plain = scrub_text(text, names, machine)
        return None if plain == text else plain.encode("utf-8", "surrogateescape")
    return None


def _scrub_json_file(file: Path, names: Mapping[str, str], machine: Machine) -> bytes | None:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):  # not ours; whoever reads it will say so
        return None
    plain = scrub_json(content, names, machine)
    return None if plain == content else (json.dumps(plain, indent=2, ensure_ascii=False) + "\n").encode()


def _scrub_tensors(file: Path, names: Mapping[str, str], machine: Machine) -> bytes | None:
    header = read_header(file)
    about = {} if header is None else header.get("__metadata__", {})
    plain = {key: scrub_text(str(value), names, machine) for key, value in about.items()}
    return None if header is None or plain == about else with_metadata(file, plain)


def _is_path(text: str, machine: Machine) -> bool:
    if Path(text).is_absolute():
        return Path(text).parts[1:2] != () and (len(Path(text).parts) > 2 or Path(text).parts[1] in machine.roots)
    return bool(re.match(r"[A-Za-z]:[\\/]", text))


def _last_part(path: str) -> str:
    return (PureWindowsPath(path) if re.match("[A-Za-z]:", path) else Path(path)).name or path
