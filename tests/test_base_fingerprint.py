"""The fingerprint: the sha256 of the weights, remembered as long as size and modification time stay."""

import hashlib
import os
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


@pytest.mark.parametrize("content", ["[1]", "no JSON", '{"half'])
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
