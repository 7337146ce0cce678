"""The fingerprint: the sha256 of the weights, remembered for as long as the file is certainly the same."""

import hashlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from adapt_embed.base import fingerprint as module
from adapt_embed.base.fingerprint import fingerprint
from adapt_embed.errors import BaseError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "model.safetensors").write_bytes(b"weights")
    return tmp_path / "base"


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """List the files that were read to be hashed."""
    read: list[Path] = []
    original = module.file_sha256
    monkeypatch.setattr(module, "file_sha256", lambda path: (read.append(path), original(path))[1])
    return read


def test_it_is_the_sha256_of_the_weights(folder: Path) -> None:
    assert fingerprint(folder) == hashlib.sha256(b"weights").hexdigest()


def test_a_file_is_hashed_once(folder: Path, hashed: list[Path]) -> None:
    assert fingerprint(folder) == fingerprint(folder)
    assert len(hashed) == 1


def test_a_changed_file_of_the_same_size_is_noticed(folder: Path, hashed: list[Path]) -> None:
    before = fingerprint(folder)
    weights = folder / "model.safetensors"
    stat = weights.stat()
    weights.write_bytes(b"WEIGHTS")
    os.utime(weights, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    assert fingerprint(folder) == hashlib.sha256(b"WEIGHTS").hexdigest() != before
    assert len(hashed) == 2


def test_a_file_of_another_size_is_noticed_whatever_its_time(folder: Path) -> None:
    fingerprint(folder)
    weights = folder / "model.safetensors"
    stat = weights.stat()
    weights.write_bytes(b"longer weights")
    os.utime(weights, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert fingerprint(folder) == hashlib.sha256(b"longer weights").hexdigest()


def test_a_link_shares_what_is_remembered_of_its_target(folder: Path, tmp_path: Path, hashed: list[Path]) -> None:
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "model.safetensors").symlink_to(folder / "model.safetensors")
    assert fingerprint(folder) == fingerprint(tmp_path / "linked")
    assert len(hashed) == 1


def keep_time(path: Path, stat: os.stat_result) -> None:
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (stat.st_size, stat.st_mtime_ns)


def rewrite(weights: Path) -> None:
    weights.write_bytes(b"WEIGHTS")


def rename_over(weights: Path) -> None:
    (weights.parent / "other").write_bytes(b"WEIGHTS")
    (weights.parent / "other").replace(weights)


def remove_and_make(weights: Path) -> None:
    weights.unlink()  # the next file may well get the same inode
    weights.write_bytes(b"WEIGHTS")


def turn_link(weights: Path) -> None:
    other = weights.parent.parent / "other"
    other.write_bytes(b"WEIGHTS")
    weights.unlink()
    weights.symlink_to(other)


@pytest.mark.parametrize("replace", [rewrite, rename_over, remove_and_make, turn_link])
def test_a_replaced_file_is_noticed_where_size_and_time_were_kept(folder: Path, replace: Callable[[Path], None]) -> None:
    weights = folder / "model.safetensors"
    fingerprint(folder)
    stat = weights.stat()
    replace(weights)  # at once: within the same tick of the clock, were none let pass
    keep_time(weights, stat)
    assert fingerprint(folder) == hashlib.sha256(b"WEIGHTS").hexdigest()


def test_a_replaced_shard_is_noticed(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    shard = folder / "model-00002-of-00002.safetensors"
    shard.write_bytes(b"more")
    before, stat = fingerprint(folder), shard.stat()
    shard.write_bytes(b"MORE")
    keep_time(shard, stat)
    assert fingerprint(folder) != before


def test_a_file_that_changes_while_it_is_hashed_is_not_remembered(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights, original = folder / "model.safetensors", module.file_sha256
    stat = weights.stat()

    def changed_meanwhile(path: Path) -> str:
        digest = original(path)
        weights.write_bytes(b"WEIGHTS")
        keep_time(weights, stat)
        return digest

    monkeypatch.setattr(module, "file_sha256", changed_meanwhile)
    fingerprint(folder)
    monkeypatch.undo()
    assert fingerprint(folder) == hashlib.sha256(b"WEIGHTS").hexdigest()


@pytest.mark.parametrize("offset_s", [0, 3600])
def test_a_file_of_the_last_seconds_is_hashed_again_where_times_are_coarse(
    folder: Path, hashed: list[Path], monkeypatch: pytest.MonkeyPatch, offset_s: int
) -> None:
    state, original = module._state, (time.time_ns() // 10**9 + offset_s) * 10**9  # of now, or of a clock that was set back since
    monkeypatch.setattr(module, "_state", lambda path: state(path) | {"changed_ns": original})
    assert fingerprint(folder) == fingerprint(folder)
    assert len(hashed) == 2


def test_what_an_older_version_remembered_is_not_trusted(folder: Path) -> None:
    weights = folder / "model.safetensors"
    stat, store = weights.stat(), module.cache_folder() / "fingerprints.json"
    store.parent.mkdir(parents=True)
    store.write_text(json.dumps({f"{weights}|{stat.st_size}|{stat.st_mtime_ns}": "0" * 64, str(weights): "0" * 64}))
    assert fingerprint(folder) == hashlib.sha256(b"weights").hexdigest()
    assert list(json.loads(store.read_text())) == [str(weights.resolve())]


def test_a_path_is_remembered_once_and_the_oldest_paths_are_forgotten(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_REMEMBERED", 3)
    for content in (b"one", b"two", b"three"):
        (folder / "model.safetensors").write_bytes(content)
        fingerprint(folder)
    for number in range(3):
        other = tmp_path / str(number)
        other.mkdir()
        (other / "model.safetensors").write_bytes(b"other")
        fingerprint(other)
        store = json.loads((module.cache_folder() / "fingerprints.json").read_text())
        assert len(store) == min(number + 2, 3)
    assert str(folder / "model.safetensors") not in store


def test_weights_that_cannot_be_read_are_a_clear_refusal(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(module, "file_sha256", refuse)
    with pytest.raises(BaseError, match="cannot be read: Permission denied"):
        fingerprint(folder)


@pytest.mark.parametrize("field", ["sha256", "inode", "changed_ns", "device", "size"])
@pytest.mark.parametrize("value", [None, 1.5, "x", [], {}, "drop"])
def test_a_damaged_record_is_hashed_again(folder: Path, hashed: list[Path], field: str, value: object) -> None:
    expected, store = fingerprint(folder), module.cache_folder() / "fingerprints.json"
    known = json.loads(store.read_text())
    (record,) = known.values()
    record.pop(field) if value == "drop" else record.update({field: value})
    store.write_text(json.dumps(known))
    assert fingerprint(folder) == fingerprint(folder) == expected
    assert len(hashed) == 2


@pytest.mark.parametrize("content", ["[1]", "no JSON", '{"half', "\x00", "[" * 100_000, '{"a": [1]}'])
def test_a_broken_memory_is_written_anew(folder: Path, hashed: list[Path], content: str) -> None:
    store = module.cache_folder() / "fingerprints.json"
    store.parent.mkdir(parents=True)
    store.write_text(content)
    assert fingerprint(folder) == fingerprint(folder) == hashlib.sha256(b"weights").hexdigest()
    assert len(hashed) == 1


def test_a_memory_that_cannot_be_written_costs_only_time(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ADAPT_CACHE", str(tmp_path / "file" / "below"))
    assert fingerprint(folder) == hashlib.sha256(b"weights").hexdigest()


def test_shards_are_hashed_together_in_order(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    (folder / "model-00002-of-00002.safetensors").write_bytes(b"more")
    digests = [hashlib.sha256(part).hexdigest() for part in (b"weights", b"more")]
    assert fingerprint(folder) == hashlib.sha256("\n".join(digests).encode()).hexdigest()


def test_a_folder_without_safetensors_is_refused_and_told_of_its_old_weights(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(BaseError, match=f"convert it to safetensors first: adapt base convert {folder}"):
        fingerprint(folder)
