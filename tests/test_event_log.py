"""The log of an A/B test: no acknowledged line is lost, none is broken, whatever kills the writer or fills the disk."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

import pytest
from adapt_embed import disk
from adapt_embed.abtests.experiment.accept import Remembered
from adapt_embed.abtests.experiment.keys import open_keys
from adapt_embed.abtests.log.asking import ask_writer
from adapt_embed.abtests.log.folder import day_files, file_of, locked
from adapt_embed.abtests.log.forget import forget_user
from adapt_embed.abtests.log.lines import Answer, Event, whole_lines
from adapt_embed.abtests.log.recall import recent_entries
from adapt_embed.abtests.log.repair import whole_end
from adapt_embed.abtests.log.writer import LogWriter
from adapt_embed.cli import main
from adapt_embed.errors import ConfigError, DataError
from click.testing import CliRunner

NOON = 1_796_000_000.0  # 2026-11-30 00:53 UTC
DAY_S = 86_400.0


def answer(number: int, user: str | None = None, query: str = "a lamp", at: float = NOON) -> bytes:
    made = Answer(at=at, id=f"a{number}", user=user, experiment=None, arm="base", query=query, shown=["d1", "d2"], ms=1.5)
    return made.line()


def click(number: int, item: str = "d1", at: float = NOON) -> bytes:
    return Event(kind="click", at=at, answer=f"a{number}", item=item, position=1).line()


def lines_of(folder: Path) -> list[dict]:
    return [json.loads(line) for path in day_files(folder).values() for line in path.read_bytes().splitlines()]


def write(folder: Path, *lines: bytes, at: float = NOON, **settings: object) -> None:
    with LogWriter(folder, clock=lambda: at, **settings) as log:
        for line in lines:
            log.append(line)


def test_lines_are_whole_private_and_in_the_file_of_their_utc_day(tmp_path: Path) -> None:
    folder = tmp_path / "日志"
    write(folder, answer(1, query="台灯 便宜"), click(1))
    write(folder, answer(2), at=NOON + DAY_S)
    assert [path.name for path in day_files(folder).values()] == ["2026-11-30.jsonl", "2026-12-01.jsonl"]
    assert [each["kind"] for each in lines_of(folder)] == ["answer", "click", "answer"]
    assert "台灯 便宜".encode() in file_of(folder, min(day_files(folder))).read_bytes()
    assert {path.stat().st_mode & 0o777 for path in day_files(folder).values()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700


WRITER = """
import sys
from pathlib import Path
from adapt_embed.abtests.log.lines import Answer
from adapt_embed.abtests.log.writer import LogWriter
with LogWriter(Path(sys.argv[1]), fsync=sys.argv[2]) as log:
    number = 0
    while True:
        line = Answer(at=0.0, id=f"{sys.argv[3]}-{number}", user=None, experiment=None, arm=None, query="灯" * 2000, shown=["d"], ms=1)
        log.append(line.line())
        print(number, flush=True)
        number += 1
"""


def kill_a_writer(folder: Path, run: str, fsync: str) -> int:
    """Kill a process that writes, and return the last number of which it had said that it was written."""
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(folder), fsync, run], stdout=subprocess.PIPE)
    assert process.stdout is not None
    said = [process.stdout.readline() for _ in range(20)]
    process.send_signal(signal.SIGKILL)
    said += process.stdout.read().splitlines(keepends=True)
    process.stdout.close()
    process.wait()
    return int([each for each in said if each.endswith(b"\n")][-1])


def test_no_acknowledged_line_is_lost_or_broken_when_the_writer_is_killed(tmp_path: Path) -> None:
    last = {f"run{number}": kill_a_writer(tmp_path, f"run{number}", fsync) for number, fsync in enumerate(("interval", "each"))}
    write(tmp_path, click(0))
    ids = {each["id"] for each in lines_of(tmp_path) if each["kind"] == "answer"}
    assert {f"{run}-{number}" for run, end in last.items() for number in range(end + 1)} <= ids


@pytest.mark.parametrize("torn", [b'{"kind":"cl', b"\0\0\0\0", b'{"kind":"click"\n', b'\0\0\n{"ki', "灯".encode()[:2]])
def test_what_is_torn_at_the_end_is_cut_off_at_the_start_and_told(tmp_path: Path, torn: bytes) -> None:
    write(tmp_path, answer(1), click(1))
    path = file_of(tmp_path, min(day_files(tmp_path)))
    whole = path.read_bytes()
    path.write_bytes(whole + torn)
    assert whole_end(path) == len(whole)
    told = Told()
    write(tmp_path, answer(2), events=told)
    assert path.read_bytes() == whole + answer(2)
    assert any(f"{len(torn)} bytes" in note for note in told.notes)


def test_a_file_that_is_torn_throughout_becomes_empty(tmp_path: Path) -> None:
    write(tmp_path)
    path = tmp_path / "events" / "2026-11-29.jsonl"
    path.write_bytes(b"x" * 200_000)
    assert whole_end(path) == 0


class Told:
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def nearly_full(monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    """Let the disk take so many bytes more: a part of a line at the end, as a real one does."""
    real, left = os.write, [room]

    def some(descriptor: int, content: bytes) -> int:
        if not left[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        part = bytes(content)[: left[0]]
        left[0] -= len(part)
        return real(descriptor, part)

    monkeypatch.setattr(disk.os, "write", some)


@pytest.mark.parametrize("room", [0, 1, 40, len(click(1)) + 7])
def test_a_full_disk_refuses_a_line_whole_and_the_next_goes_in_when_there_is_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    with LogWriter(tmp_path, clock=lambda: NOON) as log:
        log.append(answer(1))
        with monkeypatch.context() as patch:
            nearly_full(patch, room)
            with pytest.raises(OSError, match="No space left"):
                log.append(click(1) + click(1, "d2"))
        assert lines_of(tmp_path) == [json.loads(answer(1))]
        log.append(click(1))
    assert [each["kind"] for each in lines_of(tmp_path)] == ["answer", "click"]


def test_a_line_that_could_not_be_taken_back_is_cut_before_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(descriptor: int, end: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with LogWriter(tmp_path, clock=lambda: NOON) as log:
        log.append(answer(1))
        with monkeypatch.context() as patch:
            nearly_full(patch, 9)
            patch.setattr(disk.os, "ftruncate", fails)
            with pytest.raises(OSError, match="No space left"):
                log.append(click(1))
        log.append(click(1, "d2"))
    assert [each.get("item") for each in lines_of(tmp_path)] == [None, "d2"]


def test_a_line_that_cannot_be_flushed_is_refused_where_each_is_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(operation: str, path: Path) -> None:
        if operation == "fsync":
            raise OSError(errno.EDQUOT, "Disk quota exceeded")

    with LogWriter(tmp_path, clock=lambda: NOON, fsync="each") as log:
        log.append(answer(1))
        with monkeypatch.context() as patch:
            patch.setattr(disk, "FAULT", full)
            with pytest.raises(OSError, match="quota"):
                log.append(click(1))
        log.append(click(1, "d2"))
    assert [each.get("item") for each in lines_of(tmp_path)] == [None, "d2"]


NEARLY_FULL = """
import resource, sys
from pathlib import Path
from adapt_embed.abtests.log.writer import LogWriter
with LogWriter(Path(sys.argv[1]), clock=lambda: 1796000000.0) as log:
    log.append(b'{"kind":"a"}\\n')
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, resource.RLIM_INFINITY))
    try:
        log.append(b'{"x":"' + b"y" * 9000 + b'"}\\n')
    except OSError as e:
        print(e.strerror)
    log.append(b'{"kind":"b"}\\n')
"""


def test_a_system_that_takes_a_part_of_a_line_leaves_none_of_it(tmp_path: Path) -> None:
    ran = subprocess.run([sys.executable, "-c", NEARLY_FULL, str(tmp_path)], capture_output=True, text=True, check=True)
    assert ran.stdout == "File too large\n"
    assert [each["kind"] for each in lines_of(tmp_path)] == ["a", "b"]


def test_a_file_that_is_removed_or_emptied_while_it_is_written_is_begun_again(tmp_path: Path) -> None:
    with LogWriter(tmp_path, clock=lambda: NOON) as log:
        log.append(answer(1))
        path = file_of(tmp_path, min(day_files(tmp_path)))
        path.unlink()
        log.append(answer(2))
        assert [each["id"] for each in lines_of(tmp_path)] == ["a2"]
        path.write_bytes(b"")
        log.append(answer(3))
        log.append(answer(4))
    assert [each["id"] for each in lines_of(tmp_path)] == ["a3", "a4"]


def test_a_file_that_is_renamed_while_it_is_written_is_begun_again(tmp_path: Path) -> None:
    with LogWriter(tmp_path, clock=lambda: NOON) as log:
        log.append(answer(1))
        path = file_of(tmp_path, min(day_files(tmp_path)))
        path.rename(tmp_path / "rotated")
        log.append(answer(2))
        assert [each["id"] for each in lines_of(tmp_path)] == ["a2"]


def test_a_clock_set_back_over_midnight_leaves_events_behind_their_answers(tmp_path: Path) -> None:
    now = [NOON]
    with LogWriter(tmp_path, clock=lambda: now[0]) as log:
        log.append(answer(1))
        now[0] -= DAY_S
        log.append(click(1))
        now[0] -= DAY_S
        log.append(answer(2))
    assert [path.name for path in day_files(tmp_path).values()] == ["2026-11-28.jsonl", "2026-11-30.jsonl"]
    assert [each["kind"] for each in lines_of(tmp_path)] == ["answer", "answer", "click"]


def test_a_file_that_is_opened_again_is_cut_to_its_whole_lines(tmp_path: Path) -> None:
    now = [NOON]
    with LogWriter(tmp_path, clock=lambda: now[0]) as log:
        log.append(answer(1))
        with file_of(tmp_path, min(day_files(tmp_path))).open("ab") as file:
            file.write(b'{"kind":')
        now[0] += 2 * DAY_S
        log.append(answer(2))
        now[0] -= 2 * DAY_S
        log.append(answer(3))
    assert [each["id"] for each in lines_of(tmp_path)] == ["a1", "a3", "a2"]


def test_a_flush_that_fails_is_told_once_and_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[Path] = []

    def fails(operation: str, path: Path) -> None:
        if operation == "fsync" and path.suffix == ".jsonl":
            tried.append(path)
            if len(tried) < 3:
                raise OSError(errno.EIO, "Input/output error")

    told = Told()
    with LogWriter(tmp_path, clock=lambda: NOON, events=told) as log:
        log.append(answer(1))
        monkeypatch.setattr(disk, "FAULT", fails)
        log.append(click(1))
        end = time.monotonic() + 5
        while len(tried) < 3 and time.monotonic() < end:
            time.sleep(0.01)
    assert len(tried) >= 3
    assert [note.endswith("a power cut may lose its last lines") for note in told.notes] == [True]


def test_flushing_and_forgetting_go_on_after_no_file_could_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused: list[int] = []

    def dup(descriptor: int) -> int:
        refused.append(descriptor)
        raise OSError(errno.EMFILE, "Too many open files")

    class Gone(Told):
        def note(self, text: str) -> None:
            raise BrokenPipeError

    write(tmp_path)
    own = open_keys(tmp_path, may_make=True).user("u")
    with LogWriter(tmp_path, clock=lambda: NOON, events=Gone()) as log:
        with monkeypatch.context() as patch:
            patch.setattr(os, "dup", dup)
            log.append(answer(1, own))
            end = time.monotonic() + 5
            while not refused and time.monotonic() < end:
                time.sleep(0.01)
        flushed: list[Path] = []
        monkeypatch.setattr(disk, "FAULT", lambda operation, path: flushed.append(path) if operation == "fsync" else None)
        while not flushed and time.monotonic() < end:
            time.sleep(0.01)
        assert flushed[0].name == "2026-11-30.jsonl"
        assert forget_user(tmp_path, "u").answers == 1


def test_lines_reach_the_disk_within_the_interval(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[Path] = []
    with LogWriter(tmp_path, clock=lambda: NOON) as log:
        log.append(answer(1))
        monkeypatch.setattr(disk, "FAULT", lambda operation, path: flushed.append(path) if operation == "fsync" else None)
        log.append(click(1))
        end = time.monotonic() + 5
        while not flushed and time.monotonic() < end:
            time.sleep(0.01)
    assert flushed[0].name == "2026-11-30.jsonl"


def test_old_days_are_deleted_and_what_else_lies_there_stays(tmp_path: Path) -> None:
    write(tmp_path)
    for name in ("2026-11-01.jsonl", "2026-11-28.jsonl", "2026-11-29.jsonl", "2026-11-1.jsonl", "notes.jsonl", "2026-13-45.jsonl"):
        (tmp_path / "events" / name).write_bytes(answer(1))
    told = Told()
    write(tmp_path, answer(2), keep_days=1, events=told)
    left = sorted(path.name for path in (tmp_path / "events").iterdir())
    assert left == ["2026-11-1.jsonl", "2026-11-29.jsonl", "2026-11-30.jsonl", "2026-13-45.jsonl", "notes.jsonl"]
    assert told.notes == ["2 files of the log were deleted, of 2026-11-01 to 2026-11-28"]


def test_a_new_day_deletes_the_old_while_the_writer_runs(tmp_path: Path) -> None:
    now = [NOON]
    with LogWriter(tmp_path, clock=lambda: now[0], keep_days=0) as log:
        log.append(answer(1))
        now[0] += DAY_S
        log.append(answer(2))
        end = time.monotonic() + 5
        while len(day_files(tmp_path)) > 1 and time.monotonic() < end:
            time.sleep(0.01)
    assert [each["id"] for each in lines_of(tmp_path)] == ["a2"]


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    with LogWriter(tmp_path), pytest.raises(DataError, match="another process writes the log"), LogWriter(tmp_path):
        pass


def test_a_folder_that_cannot_be_made_is_refused_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="name another folder"), LogWriter(tmp_path / "file" / "log"):
        pass


def test_a_user_is_forgotten_with_all_events_and_nobody_else(tmp_path: Path) -> None:
    write(tmp_path)
    keys = open_keys(tmp_path, may_make=True)
    own, other = keys.user("王小明"), keys.user("someone else")
    write(tmp_path, answer(1, own), click(1), answer(2, other), click(2))
    write(tmp_path, click(1, "d2", NOON + DAY_S), answer(3), at=NOON + DAY_S)
    found = forget_user(tmp_path, "王小明")
    assert found.as_dict() == {"answers": 1, "events": 2, "files": 2}
    assert [each.get("id", each.get("answer")) for each in lines_of(tmp_path)] == ["a2", "a2", "a3"]
    assert forget_user(tmp_path, "王小明").files == 0
    assert {path.stat().st_mode & 0o777 for path in day_files(tmp_path).values()} == {0o600}


def test_forgetting_that_is_killed_is_finished_by_the_next_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path)
    own = open_keys(tmp_path, may_make=True).user("u")
    write(tmp_path, answer(1, own), answer(2))
    write(tmp_path, click(1, at=NOON + DAY_S), click(2, at=NOON + DAY_S), at=NOON + DAY_S)
    renamed: list[Path] = []

    def killed_at_the_second(operation: str, path: Path) -> None:
        if operation == "rename":
            renamed.append(path)
            if len(renamed) == 2:
                raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(disk, "FAULT", killed_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            forget_user(tmp_path, "u")
    assert sorted(each["kind"] for each in lines_of(tmp_path)) == ["answer", "answer", "click"]
    assert forget_user(tmp_path, "u").answers == 1
    assert [each.get("id", each.get("answer")) for each in lines_of(tmp_path)] == ["a2", "a2"]


def test_a_line_that_is_added_while_the_file_of_today_is_rewritten_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path)
    own = open_keys(tmp_path, may_make=True).user("u")
    write(tmp_path, answer(1, own), answer(2))
    with LogWriter(tmp_path, clock=lambda: NOON) as log, ThreadPoolExecutor(1) as pool:
        adding: list[Future[None]] = []

        def adds(operation: str, path: Path) -> None:
            if operation == "rename" and path.parent.name == "events":
                adding.append(pool.submit(log.append, answer(3)))
                wait(adding, 0.2)

        with monkeypatch.context() as patch:
            patch.setattr(disk, "FAULT", adds)
            assert forget_user(tmp_path, "u").answers == 1
        adding[0].result(5)
    assert [each["id"] for each in lines_of(tmp_path)] == ["a2", "a3"]


def test_a_copy_that_was_not_finished_is_removed_at_the_start_and_by_the_next_forgetting(tmp_path: Path) -> None:
    write(tmp_path)
    own = open_keys(tmp_path, may_make=True).user("u")
    left = tmp_path / "events" / ".0123456789abcdef.tmp"
    for removes in (lambda: forget_user(tmp_path, "u"), lambda: write(tmp_path)):
        left.write_bytes(answer(1, own, "my name"))
        removes()
        assert not left.exists()


def test_only_lines_of_the_user_are_taken_for_such(tmp_path: Path) -> None:
    write(tmp_path)
    own = open_keys(tmp_path, may_make=True).user("u")
    about = {"kind": "answer", "at": NOON, "user": "other", "id": "a2", "query": f'{own} "answer":"a1"', "shown": [], "ms": 1}
    lines = [answer(1, own), json.dumps(about).encode() + b"\n", b'{"answer": ["a1"]}\n', b'{"kind": "click", "answer" : "a1"}\n', b"[]\n"]
    write(tmp_path, *lines)
    assert forget_user(tmp_path, "u").as_dict() == {"answers": 1, "events": 1, "files": 1}
    assert [path.read_bytes() for path in day_files(tmp_path).values()] == [lines[1] + lines[2] + lines[4]]


def test_forgetting_is_refused_where_there_is_no_log(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        forget_user(tmp_path / "absent", "u")
    with pytest.raises(DataError, match="holds no 'secret'"):
        forget_user(tmp_path, "u")
    with pytest.raises(DataError, match="the user's key is empty"):
        forget_user(tmp_path, "")


def test_who_writes_a_log_takes_a_user_out_and_goes_on(tmp_path: Path) -> None:
    write(tmp_path)
    own = open_keys(tmp_path, may_make=True).user("u")
    write(tmp_path, answer(1, own), answer(2), at=NOON - DAY_S)
    told: list[tuple[str, float]] = []
    with LogWriter(tmp_path, clock=lambda: NOON, on_forget=lambda *each: told.append(each)) as log:
        log.append(click(1) + click(2) + answer(3, own))
        log.append(answer(4, own, at=NOON + 1))
        assert forget_user(tmp_path, "u").as_dict() == {"answers": 2, "events": 1, "files": 2}
        log.append(answer(5))
    assert [each.get("id", each.get("answer")) for each in lines_of(tmp_path)] == ["a2", "a2", "a4", "a5"]
    assert told == [(own, NOON)]
    assert list((tmp_path / "forget").iterdir()) == []


def test_who_does_not_answer_or_cannot_rewrite_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path)
    own = open_keys(tmp_path, may_make=True).user("u")
    write(tmp_path, answer(1, own))
    with locked(tmp_path), pytest.raises(DataError, match=r"did not take the user out within 0\.1 s"):
        ask_writer(tmp_path, own, 0.1)

    def full(operation: str, path: Path) -> None:
        if operation == "write" and path.parent.name == "events":
            raise OSError(errno.ENOSPC, "No space left on device")

    with LogWriter(tmp_path, clock=lambda: NOON) as log, monkeypatch.context() as patch:
        patch.setattr(disk, "FAULT", full)
        with pytest.raises(DataError, match="cannot be rewritten: No space left"):
            forget_user(tmp_path, "u")
        patch.setattr(disk, "FAULT", None)
        log.append(answer(2))
    assert [each["id"] for each in lines_of(tmp_path)] == ["a1", "a2"]


def test_a_user_is_taken_out_also_where_who_writes_the_log_ends_without_doing_it(tmp_path: Path) -> None:
    write(tmp_path)
    own = open_keys(tmp_path, may_make=True).user("u")
    write(tmp_path, answer(1, own), answer(2))
    with ThreadPoolExecutor(1) as pool:
        with locked(tmp_path):
            forgetting = pool.submit(forget_user, tmp_path, "u")
            end = time.monotonic() + 5
            while not (tmp_path / "forget" / own).exists() and time.monotonic() < end:
                time.sleep(0.01)
        assert forgetting.result(5).answers == 1
    assert [each["id"] for each in lines_of(tmp_path)] == ["a2"]
    assert (tmp_path / "forget").stat().st_mode & 0o777 == 0o700
    assert list((tmp_path / "forget").iterdir()) == []


def test_two_may_ask_for_the_same_user_at_once(tmp_path: Path) -> None:
    write(tmp_path)
    own = open_keys(tmp_path, may_make=True).user("u")
    write(tmp_path, answer(1, own), answer(2))
    with LogWriter(tmp_path, clock=lambda: NOON), ThreadPoolExecutor(4) as pool:
        found = [each.result(10) for each in [pool.submit(forget_user, tmp_path, "u") for _ in range(4)]]
    assert 1 in {each.answers for each in found} <= {0, 1}
    assert [each["id"] for each in lines_of(tmp_path)] == ["a2"]


def test_recent_answers_are_read_back_with_what_became_of_them(tmp_path: Path) -> None:
    write(tmp_path, answer(1, at=NOON - 100), at=NOON - DAY_S)
    write(tmp_path, answer(2, at=NOON - 50), click(2), b"[1]\n", answer(3, at=NOON - 2 * DAY_S))
    remembered = Remembered(b"key", window_s=DAY_S)
    for about in recent_entries(tmp_path, NOON, DAY_S):
        remembered.recall(about)
    assert len(remembered) == 2
    assert remembered._answers["a2"].taken == {("d1", "click")}


def test_what_happened_today_is_read_back_beyond_the_window_and_damaged_lines_are_not(tmp_path: Path) -> None:
    odd = [b'{"kind":"answer","id":"a9","at":%s,"user":[],"query":"","shown":[],"ms":1}\n' % at for at in (b"NaN", b"1e999", b"%d" % NOON)]
    write(tmp_path, answer(1, at=NOON - 1000), *odd, answer(2, at=NOON - DAY_S))
    assert [each.id for each in recent_entries(tmp_path, NOON, 60)] == ["a1"]


def test_a_last_line_without_end_is_not_given_nor_what_is_added_to_it_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(answer(1) + b"[]\n")
    lines = whole_lines(path)
    with path.open("ab", buffering=0) as file:
        assert [next(lines), next(lines)] == [answer(1), b"[]\n"]
        file.write(b'{"kind":')
        assert list(lines) == []
        file.write(b'"click"}\n')
    assert list(whole_lines(path, len(answer(1)))) == [b"[]\n", b'{"kind":"click"}\n']


def test_the_command_forgets_a_user_and_says_what_it_removed(tmp_path: Path) -> None:
    write(tmp_path)
    own = open_keys(tmp_path, may_make=True).user("王小明")
    write(tmp_path, answer(1, own), click(1))
    ran = CliRunner().invoke(main, ["ab", "forget", str(tmp_path), "-"], input="王小明\n")
    assert ran.stdout == f"removed 1 answer and 1 event from 1 file of {tmp_path}\n"
    assert lines_of(tmp_path) == []
    ran = CliRunner().invoke(main, ["ab", "forget", str(tmp_path), "王小明", "--json"])
    assert json.loads(ran.stdout) == {"answers": 0, "events": 0, "files": 0}
    ran = CliRunner().invoke(main, ["ab", "forget", str(tmp_path / "absent"), "u"])
    assert (ran.exit_code, ran.stderr.count("\n")) == (1, 1)
