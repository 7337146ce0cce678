"""The fingerprint of a base: the sha256 of its weights, remembered by path, size and modification time."""

import hashlib
import json
import os
from pathlib import Path

import platformdirs
from filelock import FileLock

from ..errors import BaseError
from .pickled import PICKLED, is_pickled

_CHUNK_BYTES = 1 << 22
WEIGHTS = "model.safetensors"


def cache_folder() -> Path:
    """Return the folder of what can be computed again (`ADAPT_CACHE`, else the platform's cache folder)."""
    return Path(os.environ.get("ADAPT_CACHE") or platformdirs.user_cache_dir("adapt-embed"))


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file, as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def weight_files(folder: Path) -> list[Path]:
    """List the safetensors files that hold the weights of a base, one or several shards, in order of name.

    Raises:
        BaseError: there is none.
    """
    single = folder / WEIGHTS
    files = [single] if single.is_file() else sorted(folder.glob("model-*-of-*.safetensors"))
    if not files:
        if is_pickled(folder):
            raise BaseError(f"{folder} holds no {WEIGHTS}, but a {PICKLED}; convert it to safetensors first: adapt base convert {folder}")
        raise BaseError(f"{folder} holds no {WEIGHTS}; a base folder needs config.json, a tokenizer and {WEIGHTS}")
    return files


def fingerprint(folder: Path) -> str:
    """Return the sha256 of a base's weights; of several shards, the sha256 of their digests.

    Raises:
        BaseError: the folder holds no weights.
    """
    digests = [_remembered_sha256(path.resolve()) for path in weight_files(folder)]
    return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _remembered_sha256(path: Path) -> str:
    """Hash a file, or recall its hash where neither size nor modification time has changed."""
    stat = path.stat()
    key = f"{path}|{stat.st_size}|{stat.st_mtime_ns}"
    store = cache_folder() / "fingerprints.json"
    known = _read(store)
    if key in known:
        return known[key]
    digest = file_sha256(path)
    try:
        store.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(store.with_suffix(".lock")):
            temporary = store.with_suffix(f".{os.getpid()}.tmp")
            temporary.write_text(json.dumps(_read(store) | {key: digest}, indent=1), encoding="utf-8")
            temporary.replace(store)
    except OSError:
        pass  # a cache that cannot be written costs time, nothing else
    return digest


def _read(store: Path) -> dict[str, str]:
    try:
        known = json.loads(store.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}
