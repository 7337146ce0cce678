"""What the commands print: to a full disk, a closed stream, a stream that lacks characters, beside files that are asked for."""

import io
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

START = [sys.executable, "-c", "from adapt_embed.cli import main; main(prog_name='adapt')"]
FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.is_char_device(), reason="needs /dev/full")
PRINTING = [["list"], ["list", "--json"], ["base", "list"], ["merge", "--methods", "--json"], ["--help"], ["--version"], ["merge", "-h"]]
Run = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture
def shell(tmp_path: Path) -> Run:
    """Run `adapt WORDS` in a shell, with what is behind them, such as a redirection."""

    def run(*words: object, behind: str = "", **environment: str) -> "subprocess.CompletedProcess[bytes]":
        line = 'shift 0; "$@" ' + behind
        env = os.environ | environment
        return subprocess.run(["bash", "-c", line, "-", *START, *map(str, words)], capture_output=True, env=env, cwd=tmp_path, check=False)

    return run


def assert_one_error(ran: "subprocess.CompletedProcess[bytes]", *parts: str) -> None:
    lines = ran.stderr.decode().splitlines()
    assert (ran.returncode, len(lines)) == (1, 1), ran
    assert lines[0].startswith("Error: ")
    assert all(part in lines[0] for part in parts), lines


@needs_full
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("words", PRINTING, ids=" ".join)
def test_a_full_disk_behind_stdout_is_one_line(shell: Run, words: list[str], unbuffered: str) -> None:
    ran = shell(*words, behind="> /dev/full", PYTHONUNBUFFERED=unbuffered)
    assert_one_error(ran, "the result cannot be written to stdout: No space left on device")


@needs_full
def test_a_full_disk_behind_completion_is_one_line(shell: Run) -> None:
    assert_one_error(shell(behind="> /dev/full", _ADAPT_COMPLETE="bash_source"), "stdout: No space left on device")


@pytest.mark.parametrize("words", PRINTING, ids=" ".join)
def test_a_closed_stdout_is_one_line(shell: Run, words: list[str]) -> None:
    assert_one_error(shell(*words, behind=">&-"), "the result cannot be written to stdout: it is closed")


@needs_full
@pytest.mark.parametrize("behind", ["> /dev/full", ">&-"])
def test_an_error_that_cannot_be_printed_as_json_is_still_the_one_line(shell: Run, behind: str) -> None:
    assert_one_error(shell("show", "nothing", "--json", behind=behind), "unknown adapter 'nothing'")


@needs_full
@pytest.mark.parametrize("stream", ["2> /dev/full", "2>&-", "> /dev/full 2> /dev/full", ">&- 2>&-"])
@pytest.mark.parametrize(("words", "code"), [(["show", "nothing"], 1), (["list", "--nonsense"], 2), (["nothing"], 2)])
def test_the_exit_code_is_the_errors_where_stderr_cannot_be_written(shell: Run, words: list[str], code: int, stream: str) -> None:
    ran = shell(*words, behind=stream)
    assert (ran.returncode, ran.stdout) == (code, b"")


@needs_full
@pytest.mark.parametrize("stream", ["2> /dev/full", "2>&-"])
def test_messages_that_cannot_be_written_do_not_stop_the_work(shell: Run, tiny_base: Path, tmp_path: Path, stream: str) -> None:
    (tmp_path / "long.txt").write_text("rent " * 100)
    ran = shell("encode", "base", "long.txt", "--base", tiny_base, "--max-tokens", 9, "--json", behind=stream)
    assert ran.returncode == 0
    assert json.loads(ran.stdout)["truncated"] == 1


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "gbk", "utf-8"])
def test_characters_that_a_stream_lacks_are_no_error(shell: Run, encoding: str) -> None:
    name = "法律\U0001f600é"
    ran = shell("list", "--registry", name, PYTHONIOENCODING=encoding)
    assert (ran.returncode, ran.stderr, ran.stdout.count(b"\n")) == (0, b"", 1)
    as_json = shell("show", name, "--json", PYTHONIOENCODING=encoding)
    assert as_json.returncode == 1
    assert f"the name '{name}' is not valid" in json.loads(as_json.stdout.decode(encoding))["error"]


def test_a_file_name_that_is_not_unicode_is_no_error(shell: Run) -> None:
    name = os.fsdecode(b"\xff")
    ran = shell("list", "--registry", name)
    assert (ran.returncode, ran.stderr, ran.stdout.count(b"\n")) == (0, b"", 1)
    assert "\\udcff" in json.loads(shell("show", name, "--json").stdout)["error"]


# Files that are asked for


@pytest.fixture
def encode(shell: Run, tiny_base: Path, tmp_path: Path) -> Run:
    """Encode two lines."""
    (tmp_path / "texts").write_text("rent\ncourt\n")

    def run(*words: object, behind: str = "") -> "subprocess.CompletedProcess[bytes]":
        return shell("encode", "base", "texts", "--base", tiny_base, "--dtype", "fp32", *words, behind=behind)

    return run


def shape_of(content: bytes) -> tuple[int, ...]:
    """Read vectors that came with nothing before or behind them."""
    stream = io.BytesIO(content)
    shape = np.load(stream).shape
    assert stream.read() == b""
    return shape


@pytest.mark.parametrize(
    ("name", "behind"), [("/dev/stdout", ""), ("-", "| cat"), ("/dev/fd/1", "| cat"), ("link", "> file"), ("/dev/stdout", ">> file")]
)
def test_vectors_alone_go_to_stdout(encode: Run, tmp_path: Path, name: str, behind: str) -> None:
    (tmp_path / "link").symlink_to("/dev/stdout")
    (tmp_path / "file").write_bytes(b"before")
    ran = encode("-o", name, behind=behind)
    written = (tmp_path / "file").read_bytes() if behind.endswith("file") else ran.stdout
    assert written.startswith(b"before") == (behind == ">> file")
    assert shape_of(written.removeprefix(b"before")) == (2, 32)
    assert ran.stderr.decode().splitlines() == [f"2 vectors of 32 dimensions, written to {'/dev/stdout' if name == '-' else name}"]
    assert not (tmp_path / "-").exists()


def test_vectors_go_to_another_open_file_and_the_summary_to_stdout(encode: Run, tmp_path: Path) -> None:
    ran = encode("-o", "/dev/fd/3", behind="3> file")
    assert shape_of((tmp_path / "file").read_bytes()) == (2, 32)
    assert ran.stdout.decode().startswith("2 vectors of 32 dimensions")


def test_json_and_vectors_on_one_stdout_are_refused_before_the_work(shell: Run) -> None:
    ran = shell("encode", "no-such-reference", "-o", "/dev/stdout", "--json")
    assert "-o /dev/stdout and --json would both write to stdout" in json.loads(ran.stdout)["error"]
    assert ran.returncode == 2


def test_a_reader_that_leaves_stdout_is_silent(encode: Run) -> None:
    ran = encode("-o", "/dev/stdout", behind="| head -c 0")
    assert (ran.stderr, ran.stdout) == (b"", b"")


@needs_full
@pytest.mark.parametrize("words", [["-o", "/dev/full"], ["-o", "/dev/stdout"]])
def test_vectors_that_find_no_space_are_one_line(encode: Run, words: list[str]) -> None:
    ran = encode(*words, behind="> /dev/full" if words[1] == "/dev/stdout" else "")
    assert_one_error(ran, f"{words[1]} cannot be written: No space left on device")
    assert stat.S_ISCHR(FULL.stat().st_mode)


def test_the_texts_are_not_replaced_by_their_vectors(encode: Run, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("texts")
    for name in ("texts", "./texts", "link"):
        assert_one_error(encode("-o", name), "is the file of the texts")
    assert (tmp_path / "texts").read_text() == "rent\ncourt\n"


def test_two_outputs_of_a_bench_that_are_one_file_are_refused_before_the_work(shell: Run) -> None:
    ran = shell("bench", "no-such-reference", "--html", "x", "--per-query", "./x")
    assert_one_error(ran, "--per-query and --html both write", "give them two names")


def test_a_file_in_place_of_the_folder_of_mtebs_files_is_refused_before_the_work(shell: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    assert_one_error(shell("bench", "no-such-reference", "--mteb-results", "file"), "file is not a folder")


@needs_full
def test_a_page_that_finds_no_space_costs_the_page_and_not_the_scores(shell: Run, tiny_base: Path, toy_folder: Path) -> None:
    ran = shell("bench", "base", "--base", tiny_base, "--data", toy_folder, "--html", "/dev/full")
    assert ran.returncode == 1
    assert b"nDCG@10" in ran.stdout
    assert ran.stderr.decode().splitlines()[-1] == "Error: /dev/full cannot be written: No space left on device"
