"""An index's folder while it is written: one writer at a time, each shard whole or not at all, and a kill costs one shard."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from ..disk import file_sha256, make_folder, remove_file, replace_file
from ..encoders.protocol import Vectors
from ..errors import ConfigError, DataError
from .encoding import describe_difference, differing
from .manifest import BUILDING, MANIFEST, SHARDS, Manifest, ShardRecord, read_manifest, refuse_there
from .shard import content_of_shard, pack_shard

_LOCK = ".lock"


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Keep an index for one writer, and remove what one that was killed left half written.

    Raises:
        ConfigError: another process writes it, or the folder cannot be written.
    """
    try:
        make_folder(path)
        with FileLock(path / _LOCK, timeout=0):
            for left in path.glob(".*.tmp"):
                remove_file(left)
            yield
    except Timeout:
        raise ConfigError(f"another process is writing the index {path}; wait until it is done") from None
    except OSError as e:
        raise ConfigError(f"{path} cannot be written: {e.strerror or e}") from e


def begin(path: Path, manifest: Manifest) -> None:
    """Note what a new index is going to be.

    Raises:
        DataError: there is an index already, or one was begun that is another.
    """
    if (path / MANIFEST).is_file():
        refuse_there(path)
    if (path / BUILDING).is_file():
        _refuse_other(path, read_manifest(path / BUILDING), manifest)
    elif strays := [file.name for file in path.iterdir() if not file.name.startswith(".")]:
        raise DataError(f"{path} is not empty ({', '.join(sorted(strays)[:3])}), and holds no index; give -o another folder")
    replace_file(path / BUILDING, manifest.to_json(), durability="name")


def _refuse_other(path: Path, begun: Manifest, now: Manifest) -> None:
    """Refuse to go on with something else than what was begun.

    Raises:
        DataError: encoder, number format or what is kept differ.
    """
    of_encoder = [describe_difference(key, begun.encoder, now.encoder) for key in differing(begun.encoder, now.encoder)[:1]]
    others = [
        f"{name} ({getattr(begun, field)} there, {getattr(now, field)} here)"
        for field, name in (
            ("vectors", "the number format"),
            ("has_texts", "whether texts are kept"),
            ("rows_per_shard", "the shards' rows"),
        )
        if getattr(begun, field) != getattr(now, field)
    ]
    if what := [*of_encoder, *others]:
        raise DataError(
            f"{path} was begun and not finished with another {what[0].removeprefix('the ')}; go on with that, or give -o another folder"
        )


def kept_shard(path: Path, number: int, rows: int, content: str) -> ShardRecord | None:
    """Return the record of a shard that an interrupted run has written, where it has these rows; None: it is to be computed."""
    file = path / shard_name(number)
    if content_of_shard(file) != content:
        return None
    return ShardRecord(file=file.name, rows=rows, size=file.stat().st_size, sha256=file_sha256(file), content=content)


def write_shard(
    path: Path, number: int, ids: Sequence[str], texts: Sequence[str], vectors: Vectors, about: Manifest, content: str
) -> ShardRecord:
    """Write a shard; once its name is there, it is whole."""
    packed = pack_shard(ids, texts if about.has_texts else None, vectors, about.vectors, content)
    replace_file(path / shard_name(number), packed)
    return ShardRecord(file=shard_name(number), rows=len(ids), size=len(packed), sha256=hashlib.sha256(packed).hexdigest(), content=content)


def finish(path: Path, manifest: Manifest) -> None:
    """Put the index's own file in place, with which it is whole."""
    named = {shard.file for shard in manifest.shards}
    for stray in path.glob(SHARDS):
        if stray.name not in named:  # of an interrupted run with other rows
            remove_file(stray)
    replace_file(path / MANIFEST, manifest.to_json(), durability="name")
    with suppress(OSError):
        remove_file(path / BUILDING)


def shard_name(number: int) -> str:
    """Return the file name of a shard."""
    return f"{number:06d}.safetensors"
