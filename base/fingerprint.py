"""The fingerprint of a base: the sha256 of its weights, remembered for as long as the file is certainly the same.

Size and modification time can both be kept by whoever replaces a file; what the system itself notes, inode and time of change, cannot.
"""

import hashlib
import json
import os
import re
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import platformdirs
from filelock import FileLock

from ..disk import file_sha256, replace_file
from ..errors import BaseError
from .pickled import PICKLED, is_pickled

WEIGHTS, SHARDS = "model.safetensors", "model-*-of-*.safetensors"
_MOST_REMEMBERED = 1000
_TICK_NS = 20_000_000  # two changes within it may bear the same time: systems note it at each tick of 1 to 10 ms
_COARSE_TICK_NS = 2_000_000_000  # of file systems that note whole seconds, or every second one


def cache_folder() -> Path:
    """Return the folder of what can be computed again (`ADAPT_CACHE`, else the platform's cache folder)."""
    return Path(os.environ.get("ADAPT_CACHE") or platformdirs.user_cache_dir("adapt-embed"))


def weight_files(folder: Path) -> list[Path]:
    """List the safetensors files that hold the weights of a base, one or several shards, in order of name.

    Raises:
        BaseError: there is none.
    """
    single = folder / WEIGHTS
    files = [single] if single.is_file() else sorted(folder.glob(SHARDS))
    if not files:
        if is_pickled(folder):
            raise BaseError(f"{folder} holds no {WEIGHTS}, but a {PICKLED}; convert it to safetensors first: adapt base convert {folder}")
        raise BaseError(f"{folder} holds no {WEIGHTS}; a base folder needs config.json, a tokenizer and {WEIGHTS}")
    return files


def fingerprint(folder: Path) -> str:
    """Return the sha256 of a base's weights; of several shards, the sha256 of their digests.

    Raises:
        BaseError: the folder holds no weights, or they cannot be read.
    """
    try:
        digests = [_remembered_sha256(path.resolve()) for path in weight_files(folder)]
    except OSError as e:
        raise BaseError(f"the weights in {folder} cannot be read: {e.strerror or e}") from e
    return combined(digests)


def combined(digests: Sequence[str]) -> str:
    """Return the fingerprint of weights in one or several files, by the sha256 of each, in order of name."""
    return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _remembered_sha256(path: Path) -> str:
    """Hash a file, or recall its hash where nothing says that the file could be another one."""
    state = _state(path)
    known = _read(_store()).get(str(path), {})
    if known == state | {"sha256": known.get("sha256")} and re.fullmatch("[0-9a-f]{64}", str(known["sha256"])):
        return str(known["sha256"])
    is_settled = _let_tick_pass(state)
    digest = file_sha256(path)
    if is_settled and _state(path) == state:
        _remember(path, state | {"sha256": digest})
    return digest


def _state(path: Path) -> dict[str, object]:
    """Return what changes with the content of a file."""
    stat = path.stat()
    return {
        "size": stat.st_size,
        "modified_ns": stat.st_mtime_ns,
        "changed_ns": stat.st_ctime_ns,
        "inode": stat.st_ino,
        "device": stat.st_dev,
    }


def _let_tick_pass(state: dict[str, object]) -> bool:
    """Wait until a further change of a file would bear another time; False where that would take too long, or the clock was set back."""
    changed = state["changed_ns"]
    assert isinstance(changed, int)
    age = time.time_ns() - changed
    if 0 <= age < _TICK_NS:
        time.sleep((_TICK_NS - age) / 1e9)
    return age >= (0 if changed % 1_000_000_000 else _COARSE_TICK_NS)


def _remember(path: Path, record: dict[str, object]) -> None:
    store = _store()
    with suppress(OSError):  # a memory that cannot be written costs time, nothing else
        store.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(store.with_suffix(".lock"), timeout=5):
            others = {name: known for name, known in _read(store).items() if name != str(path)}
            newest = list((others | {str(path): record}).items())[-_MOST_REMEMBERED:]
            replace_file(store, json.dumps(dict(newest), indent=1).encode())


def _store() -> Path:
    return cache_folder() / "fingerprints.json"


def _read(store: Path) -> dict[str, dict[str, object]]:
    """Return what is remembered: path -> state and sha256; whatever has another form, such as that of older versions, is left out."""
    try:
        known = json.loads(store.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return {path: record for path, record in known.items() if isinstance(record, dict)} if isinstance(known, dict) else {}
