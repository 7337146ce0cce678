"""Files that a command leaves: replaced whole where they are regular, written as they are where they are not."""

import os
import socket
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from adapt_embed.errors import ConfigError
from adapt_embed.files import check_output_folder, check_outputs, check_writable, descriptor_of, write_file

AS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
needs_modes = pytest.mark.skipif(AS_ROOT, reason="the superuser may write everywhere")


def device(path: Path, minor: int) -> Path:
    """Make a copy of /dev/null (3) or /dev/full (7)."""
    try:
        os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, minor))
    except PermissionError:
        pytest.skip("this user may not make devices")
    return path


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def read_pipe(path: Path) -> tuple[threading.Thread, list[bytes]]:
    """Read a named pipe in another thread."""
    read: list[bytes] = []
    thread = threading.Thread(target=lambda: read.append(path.read_bytes()), daemon=True)
    thread.start()
    return thread, read


def test_a_new_file_has_the_permissions_that_the_umask_leaves(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_file(tmp_path / "new", b"content")
    finally:
        os.umask(before)
    assert ((tmp_path / "new").read_bytes(), mode_of(tmp_path / "new")) == (b"content", 0o640)
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o664, 0o755])
def test_a_replaced_file_keeps_its_permissions_and_is_another_file(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"old")
    path.chmod(mode)
    with path.open("rb") as reader:
        write_file(path, b"new")
        assert reader.read() == b"old"  # whoever had it open reads the old one whole
    assert (path.read_bytes(), mode_of(path)) == (b"new", mode)


@pytest.mark.skipif(not AS_ROOT, reason="only the superuser gives files away")
def test_a_replaced_file_keeps_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"old")
    os.chown(path, 12345, 23456)
    write_file(path, b"new")
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 23456)


def test_a_name_of_the_longest_length_can_be_written(tmp_path: Path) -> None:
    for name in ("n" * 255, "法" * 85):
        write_file(tmp_path / name, b"content")
        assert (tmp_path / name).read_bytes() == b"content"
    with pytest.raises(ConfigError, match="cannot be written: File name too long"):
        check_writable(tmp_path / ("n" * 256))


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("adapt_embed.disk.os.fsync", full)
    with pytest.raises(ConfigError, match="out cannot be written: No space left on device"):
        write_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["out"]


# Links


def test_a_chain_of_links_stays_and_its_target_is_replaced_whole(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    target = tmp_path / "far" / "target"
    target.write_bytes(b"old")
    target.chmod(0o600)
    (tmp_path / "far" / "middle").symlink_to("target")
    (tmp_path / "link").symlink_to("far/middle")
    with target.open("rb") as reader:
        check_writable(tmp_path / "link")
        write_file(tmp_path / "link", b"new")
        assert reader.read() == b"old"
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "far" / "middle").is_symlink()
    assert (target.read_bytes(), target.is_symlink(), mode_of(target)) == (b"new", False, 0o600)


def test_the_target_of_a_dangling_link_is_made(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "link").symlink_to("far/target")
    check_writable(tmp_path / "link")
    write_file(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "far" / "target").read_bytes() == b"new"


@pytest.mark.parametrize(
    ("links", "message"),
    [
        ({"out": "absent/target"}, "absent does not exist"),
        ({"out": "out"}, "cannot be written: Too many levels of symbolic links"),
        ({"out": "other", "other": "out"}, "cannot be written: Too many levels of symbolic links"),
        ({"out": "."}, "is a folder"),
    ],
)
def test_a_link_that_leads_nowhere_is_refused(tmp_path: Path, links: dict[str, str], message: str) -> None:
    for name, target in links.items():
        (tmp_path / name).symlink_to(target)
    with pytest.raises(ConfigError, match=message):
        check_writable(tmp_path / "out")


# Devices, pipes, descriptors


@pytest.mark.parametrize("is_linked", [False, True])
def test_a_device_is_written_and_stays(tmp_path: Path, is_linked: bool) -> None:
    null = path = device(tmp_path / "null", 3)
    if is_linked:
        path = tmp_path / "link"
        path.symlink_to("null")
    check_writable(path)
    write_file(path, b"content")
    assert null.is_char_device()
    assert path.is_symlink() == is_linked


def test_a_full_device_is_a_clear_refusal(tmp_path: Path) -> None:
    full = device(tmp_path / "full", 7)
    with pytest.raises(ConfigError, match="full cannot be written: No space left on device"):
        write_file(full, b"content")
    assert full.is_char_device()


def test_a_named_pipe_gives_its_reader_everything_and_stays(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for path in (tmp_path / "pipe", tmp_path / "link"):
        check_writable(path)
        thread, read = read_pipe(tmp_path / "pipe")
        write_file(path, b"content" * 100_000)  # more than a pipe holds
        thread.join(timeout=30)
        assert read == [b"content" * 100_000]
    assert (tmp_path / "pipe").is_fifo()


def test_a_named_pipe_whose_reader_leaves_is_a_clear_refusal(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    def leave() -> None:
        with (tmp_path / "pipe").open("rb") as reader:
            reader.read(1)

    threading.Thread(target=leave, daemon=True).start()
    with pytest.raises(ConfigError, match="pipe cannot be written: Broken pipe"):
        write_file(tmp_path / "pipe", b"content" * 1_000_000)


def test_a_socket_is_refused_and_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        with pytest.raises(ConfigError, match="is a socket"):
            check_writable(tmp_path / "socket")
        assert (tmp_path / "socket").is_socket()


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="this system names no open files")
def test_an_open_file_is_written_where_it_stands(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        file.write(b"before ")
        file.flush()
        (tmp_path / "link").symlink_to(f"/dev/fd/{file.fileno()}")
        for path in (Path(f"/dev/fd/{file.fileno()}"), Path(f"/proc/self/fd/{file.fileno()}"), tmp_path / "link"):
            assert descriptor_of(path) == file.fileno()
            check_writable(path)
            write_file(path, b"new ")
        file.write(b"after")
    assert (tmp_path / "file").read_bytes() == b"before new new new after"
    assert descriptor_of(tmp_path / "file") is None


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="this system names no open files")
def test_an_open_socket_is_written() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        write_file(Path(f"/dev/fd/{ours.fileno()}"), b"content")
        assert theirs.recv(100) == b"content"


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="this system names no open files")
def test_what_is_not_open_for_writing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    with (tmp_path / "file").open("rb") as file, pytest.raises(ConfigError, match="Bad file descriptor"):
        check_writable(Path(f"/dev/fd/{file.fileno()}"))
    with pytest.raises(ConfigError, match="Bad file descriptor"):
        check_writable(Path("/dev/fd/987654"))
    assert (tmp_path / "file").read_bytes() == b"old"


# Read-only


@needs_modes
def test_a_read_only_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"old")
    (tmp_path / "out").chmod(0o400)
    with pytest.raises(ConfigError, match="it is read-only"):
        check_writable(tmp_path / "out")


@needs_modes
def test_a_writable_file_in_a_read_only_folder_is_written_in_place(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "out").write_bytes(b"older and longer")
    (tmp_path / "folder").chmod(0o500)
    check_writable(tmp_path / "folder" / "out")
    write_file(tmp_path / "folder" / "out", b"new")
    assert (tmp_path / "folder" / "out").read_bytes() == b"new"
    with pytest.raises(ConfigError, match="is read-only"):
        check_writable(tmp_path / "folder" / "another")


def test_a_file_that_cannot_be_renamed_over_is_written_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: object) -> None:
        raise OSError(16, "Device or resource busy")  # as where the file is a mount of its own

    (tmp_path / "out").write_bytes(b"older and longer")
    monkeypatch.setattr(Path, "replace", busy)
    write_file(tmp_path / "out", b"new")
    assert (tmp_path / "out").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


# Several outputs


def spell(folder: Path) -> dict[str, Callable[[], Path]]:
    return {
        "the same": lambda: folder / "out",
        "by a detour": lambda: folder / "sub" / ".." / "out",
        "by a link": lambda: folder / "link",
        "by a linked folder": lambda: folder / "sub" / "here" / "out",
    }


@pytest.mark.parametrize("spelling", ["the same", "by a detour", "by a link", "by a linked folder"])
@pytest.mark.parametrize("is_there", [False, True])
def test_two_outputs_that_are_one_file_are_refused(tmp_path: Path, spelling: str, is_there: bool) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "link").symlink_to("out")
    (tmp_path / "sub" / "here").symlink_to(tmp_path)
    if is_there:
        (tmp_path / "out").write_bytes(b"old")
    with pytest.raises(ConfigError, match="--html and --per-query both write"):
        check_outputs({"--html": tmp_path / "out", "--per-query": spell(tmp_path)[spelling]()})


def test_two_outputs_may_both_be_thrown_away_or_lie_apart(tmp_path: Path) -> None:
    null = device(tmp_path / "null", 3)
    check_outputs({"--html": null, "--per-query": null, "--plot": None})
    check_outputs({"--html": tmp_path / "a", "--per-query": tmp_path / "b"})


def test_what_is_no_folder_is_refused_as_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "link").symlink_to("later")
    check_output_folder(tmp_path)
    check_output_folder(tmp_path / "new")
    check_output_folder(tmp_path / "link")
    with pytest.raises(ConfigError, match="is not a folder"):
        check_output_folder(tmp_path / "file")
    with pytest.raises(ConfigError, match="absent does not exist"):
        check_output_folder(tmp_path / "absent" / "new")
