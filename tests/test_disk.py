"""The one writer of the project's own files: whole or not at all, with as much flushing as was asked for."""

import ast
from pathlib import Path
from typing import BinaryIO

import pytest
from adapt_embed import disk

ROOT = Path(disk.__file__).parent


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The operations on the disk, each with the name of what it touches."""
    operations: list[tuple[str, str]] = []
    monkeypatch.setattr(disk, "FAULT", lambda operation, path: operations.append((operation, path.name)))
    return operations


@pytest.mark.parametrize(("durability", "flushed"), [("name", ["new", "folder"]), ("content", ["new"]), ("none", [])])
def test_what_is_flushed_is_what_the_durability_says(
    durability: disk.Durability, flushed: list[str], tmp_path: Path, seen: list[tuple[str, str]]
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    disk.replace_file(folder / "file", b"content", durability=durability, temporary=folder / "new")
    assert [name for operation, name in seen if operation == "fsync"] == flushed
    assert [operation for operation, _ in seen if operation != "fsync"] == ["create", "write", "rename"]
    assert (folder / "file").read_bytes() == b"content"


def test_a_writer_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    def fail(file: BinaryIO) -> None:
        file.write(b"half")
        raise RuntimeError("full")

    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(RuntimeError, match="full"):
        disk.replace_file(tmp_path / "file", fail)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", b"old")]


def test_a_replaced_file_hands_its_permissions_on(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o640)
    disk.replace_file(path, lambda file: file.write(b"new"))
    assert (path.stat().st_mode & 0o777, path.read_bytes()) == (0o640, b"new")


def test_files_of_the_project_are_put_in_place_by_this_writer_alone() -> None:
    """A rename or a flush elsewhere would be another writer, with another idea of what a power cut may undo."""
    found = set()
    for path in (*ROOT.glob("*.py"), *(each for part in ("registry", "cache", "adapters", "base") for each in (ROOT / part).glob("*.py"))):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            if is_call and (node.func.attr in ("fsync", "rename") or (node.func.attr == "replace" and len(node.args) == 1)):
                found.add(path.name)
    assert found == {"disk.py"}
