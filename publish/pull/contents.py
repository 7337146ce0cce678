"""What lies in a folder that was fetched: weights that are read whole once, and the record of a version that adapt has pushed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ... import disk
from ...base.head import FOLDER as HEAD
from ...base.head import WEIGHTS as HEAD_WEIGHTS
from ...base.metadata import read_metadata
from ...ensemble import RECIPE
from ...errors import AdapterError, RegistryError
from ...registry import Entry, check_usable, read_entry
from ...registry.places import PLACES
from ...registry.stored import from_stored, to_stored
from ..folder import CONFIG, ENTRY, OF_A_MODEL
from ..tensor_header import read_header

_LONGEST_PATTERN = 300
_MOST_LAYERS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A version that has its own record.

    Attributes:
        entry: The record, without a place of another machine.
        files: The files of the folder that belong to it.
        missing: Those that the record names and that were not fetched.
    """

    entry: Entry
    files: tuple[str, ...]
    missing: tuple[str, ...]


def check_tensor_files(folder: Path) -> None:
    """Refuse a safetensors file whose header is not one, before anything believes what it says.

    Raises:
        AdapterError: there is one.
    """
    for path in sorted(folder.rglob("*.safetensors")):
        if read_header(path) is None:
            with path.open("rb") as file:
                stated = int.from_bytes(file.read(8), "little")
            raise AdapterError(
                f"{path.relative_to(folder).as_posix()} is not a safetensors file: it states a header of {stated:,} bytes, and has "
                f"{path.stat().st_size:,}"
            )


def check_factors(folder: Path) -> None:
    """Read the factors of an adapter whole, and its projection head: configuration, names, shapes, and that every number is finite.

    Raises:
        AdapterError: they are not those of a LoRA that can be used.
        BaseError: the head's are not.
    """
    import torch

    from ...lora import LoraFile, read_config

    _check_patterns(read_config(folder))
    file = LoraFile(folder)
    for name in file:
        module = file[name]
        largest = float(module.a.abs().max()) * float(module.b.abs().max()) * abs(module.scale) * module.rank
        if not largest < torch.finfo(torch.float32).max:
            raise AdapterError(f"the factors of {name} are so large that their product is not finite")
    _check_head(folder)


def check_model(folder: Path) -> None:
    """Read the weights of a whole model: those of the network that its configuration states, in float32, and every number is finite.

    Raises:
        AdaptError: they are others, or the configuration is of no network that can be used.
    """
    from safetensors import safe_open

    from ...base.json_files import read_json
    from ...base.outline import build_outline

    if (folder / CONFIG).is_file():
        raise AdapterError(f"its record says that it is a whole model, and it holds {CONFIG}, by which others take it for an adapter")
    config = read_json(folder / "config.json")
    layers = config.get("num_hidden_layers", config.get("n_layers", 0))  # DistilBERT calls them so
    if not isinstance(layers, int) or layers > _MOST_LAYERS:
        raise AdapterError(f"config.json states {layers!r} layers; expected at most {_MOST_LAYERS}")
    network = {name: tuple(each.shape) for name, each in build_outline(folder).named_parameters()}
    needed = {name for name in network if not name.startswith("pooler.")}
    with safe_open(folder / "model.safetensors", framework="pt") as file:
        stored = set(file.keys())
        if others := sorted(needed - stored) or sorted(stored - network.keys()):
            raise AdapterError(f"model.safetensors is not of the network that config.json states: {others[0]} is in one of them alone")
        for name in sorted(stored):
            tensor = file.get_tensor(name)
            if tuple(tensor.shape) != network[name] or str(tensor.dtype) != "torch.float32" or not tensor.isfinite().all():
                raise AdapterError(f"{name} in model.safetensors is not {network[name]} of finite numbers in float32")
    _check_head(folder)


def _check_head(folder: Path) -> None:
    """Read a projection head whole, where there is one."""
    if (head := read_metadata(folder).head) is not None:
        head.load()


def _check_patterns(config: Mapping[str, Any]) -> None:
    """Refuse a pattern of module names that may take for ever: it is a regular expression of somebody else's."""
    for field in ("rank_pattern", "alpha_pattern"):
        patterns = config.get(field) or {}
        for pattern in patterns if isinstance(patterns, dict) else ():
            if len(pattern) > _LONGEST_PATTERN or re.search(r"\)\s*[*+{]", pattern):
                raise AdapterError(
                    f"{field} of its adapter_config.json names modules by a pattern that could take for ever: {pattern[:60]!r}"
                )


def read_recorded(folder: Path, others: tuple[str, ...] = ()) -> Recorded | None:
    """Read a version's own record, and hold the files against it; None of a folder that has none.

    Args:
        folder: What was fetched.
        others: Paths that lie in the repository and were not fetched.

    Raises:
        AdapterError: the record is malformed or of something that this version of adapt cannot use, or a file is missing or is another one.
    """
    if not (folder / ENTRY).is_file():
        return None
    try:
        entry = plain_entry(read_entry(folder / ENTRY))
    except (RegistryError, ValueError, RecursionError) as e:
        raise AdapterError(f"its {ENTRY} cannot be read: {e}") from e
    check_usable(entry)
    there = {path: recorded for path, recorded in entry.files.items() if (folder / path).is_file()}
    missing = tuple(path for path in entry.files if path not in there)
    lost = [path for path in missing if path not in others]
    if lost:
        raise AdapterError(f"it lacks {lost[0]}, which its {ENTRY} names")
    for path, recorded in there.items():
        if disk.file_sha256(folder / path) != recorded.sha256:
            raise AdapterError(f"{path} is another one than its {ENTRY} names")
    if unnamed := [path for path in _needed(folder, entry) if path not in there]:
        raise AdapterError(f"its {ENTRY} does not name {unnamed[0]}, without which it cannot be used")
    return Recorded(entry=entry, files=tuple(there), missing=missing)


_CHANGING = ("modules.json", "router_config.json", "biases.safetensors", f"{HEAD}/config.json", f"{HEAD}/{HEAD_WEIGHTS}")
"""What changes the vectors of an adapter beside its factors, where it is there."""


def _needed(folder: Path, entry: Entry) -> tuple[str, ...]:
    """Return the files that are checked, and must therefore be those that are taken."""
    weights = (CONFIG, "adapter_model.safetensors")
    if entry.kind == "model":
        return OF_A_MODEL
    if entry.kind != "ensemble":
        return (*weights, *(path for path in _CHANGING if (folder / path).is_file()))
    parts = (*weights, *_CHANGING)
    inside = (path.relative_to(folder).as_posix() for name in parts for path in folder.glob(f"members/*/{name}"))
    return (RECIPE, *inside)


def plain_entry(entry: Entry) -> Entry:
    """Return a record of elsewhere without places of that machine, without where it lies on the Hub, as it can be written again.

    Its texts stay as they are, prompts above all; whoever shows them sees to it that nothing in them is obeyed (`shown_text.py`).

    Raises:
        RegistryError: it holds a number that JSON has no word for, a character that no encoding takes, or is nested without an end.
    """
    try:
        stored = to_stored(replace(entry, hub=(), unchecked=()))
        stored.pop(PLACES)
        json.dumps(stored, allow_nan=False, ensure_ascii=False).encode()
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as e:
        raise RegistryError(f"it is malformed ({type(e).__name__}: {e})") from e
    cleaned = from_stored(stored)
    return replace(cleaned, bases=tuple(replace(base, path=None) for base in cleaned.bases))
