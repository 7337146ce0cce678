"""Processes that train together are started together, end together, and say in a line what went wrong."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from adapt_embed.adapters.job import TrainRequest, prepare_training
from adapt_embed.adapters.processes import launch as starting
from adapt_embed.adapters.processes.environment import PARENT, RENDEZVOUS, Place, check_processes, find_place, refuse_launched
from adapt_embed.adapters.processes.launch import LOST, launch
from adapt_embed.adapters.processes.threads import threads_each
from adapt_embed.cli import main, together
from adapt_embed.errors import LostProcessError, RequestError, TrainingError
from click.exceptions import Exit
from click.testing import CliRunner

TORCHRUN = {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}
ACCELERATE = {"ACCELERATE_DYNAMO_BACKEND": "NO", "ACCELERATE_USE_CPU": "True"}

# Where a process stands


def test_the_place_of_a_process_is_what_its_launcher_says() -> None:
    assert find_place({}) is None
    assert find_place({"WORLD_SIZE": "2"}) is None
    assert find_place(TORCHRUN) == Place(rank=1, size=2, local_rank=1, local_size=2)
    assert find_place(TORCHRUN | {PARENT: "7", RENDEZVOUS: "/there"}) == Place(
        rank=1, size=2, local_rank=1, local_size=2, rendezvous="/there", parent=7
    )
    assert check_processes(None, TORCHRUN) == check_processes(2, TORCHRUN) == find_place(TORCHRUN)
    assert (
        check_processes(None, {}) is check_processes(2, {}) is check_processes(None, ACCELERATE) is check_processes(1, ACCELERATE) is None
    )


@pytest.mark.parametrize(
    ("asked", "environment", "said"),
    [
        (3, TORCHRUN, "--processes 3 was asked for, and 2 were started"),
        (1, TORCHRUN, "--processes 1 was asked for, and 2 were started"),
        (2, ACCELERATE, "--processes 2 was asked for, and accelerate launch started one"),
        (None, ACCELERATE | {"MASTER_ADDR": "127.0.0.1"}, "several processes were asked for, and accelerate launch started one"),
        (None, TORCHRUN | {"RANK": "two"}, "RANK is 'two'; expected a whole number"),
        (None, TORCHRUN | {"RANK": "2"}, "RANK is 2 and WORLD_SIZE is 2"),
    ],
)
def test_another_number_of_processes_than_was_asked_for_is_refused(asked: int | None, environment: dict[str, str], said: str) -> None:
    with pytest.raises(RequestError, match=said):
        check_processes(asked, environment)


def test_what_each_process_would_do_once_more_is_refused() -> None:
    refuse_launched("adapt pretrain", {})
    refuse_launched("adapt pretrain", TORCHRUN | {"WORLD_SIZE": "1", "RANK": "0"})
    with pytest.raises(RequestError, match=r"adapt pretrain runs in one process, and 2 were started together"):
        refuse_launched("adapt pretrain", TORCHRUN)


@pytest.mark.parametrize("command", ["pretrain", "sweep"])
def test_a_command_of_one_process_is_refused_under_a_launcher(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in TORCHRUN.items():
        monkeypatch.setenv(name, value)
    outcome = CliRunner().invoke(main, [command, "--domain", "legal", "--data", "sample"])
    assert f"adapt {command} runs in one process" in outcome.output


def test_the_command_refuses_what_does_not_fit_before_anything_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (TORCHRUN | {"RANK": "0"}).items():
        monkeypatch.setenv(name, value)
    result = CliRunner().invoke(main, ["train", "--domain", "legal", "--processes", "3"])
    assert result.exit_code == 2
    assert "2 were started (WORLD_SIZE); start 3, or leave out --processes" in result.stderr


def test_a_program_that_was_started_alone_cannot_be_several() -> None:
    with pytest.raises(RequestError, match="start the program with torchrun --nproc-per-node 2"):
        prepare_training(TrainRequest(domain="legal", data="sample", processes=2))
    with pytest.raises(RequestError, match="33 processes are to share batches of 32 queries"):
        TrainRequest(domain="legal", processes=33)
    with pytest.raises(RequestError, match="expected at least 1"):
        TrainRequest(domain="legal", processes=0)


def test_cores_are_divided_and_each_process_has_one() -> None:
    cores = len(os.sched_getaffinity(0))
    assert [threads_each(1), threads_each(cores), threads_each(cores * 3)] == [cores, 1, 1]


# Started and ended

SLEEPS = "import time; time.sleep(60)"


def ranks(*of_rank: str) -> list[str]:
    """A command whose processes each run a program of their own; none of them imports torch."""
    return [sys.executable, "-S", "-c", f"import os; exec({of_rank!r}[int(os.environ['RANK'])])"]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starting, "GRACE_S", 0.4)
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # the tests' own process keeps what it does when it is told to end


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (SLEEPS, "os.kill(os.getpid(), 9)", r"process 1 of 2 was ended by SIGKILL \(memory may have run out\), and the others were ended"),
        (f"import time; time.sleep(0.5); os._exit({LOST})", "os.abort()", "process 1 of 2 was ended by SIGABRT"),
        (SLEEPS, "print('Error: 紙 is full'); print(flush=True); os._exit(1)", "process 1 of 2 failed: 紙 is full, and"),
        (SLEEPS, "raise KeyError('lost')", "process 1 of 2 failed: KeyError: 'lost'"),
        ("os.kill(os.getpid(), 15)", SLEEPS, "process 0 of 2 was ended by SIGTERM, and"),
    ],
)
def test_one_that_fails_ends_all_and_is_named_in_a_line(first: str, second: str, said: str) -> None:
    started = time.monotonic()
    with pytest.raises(TrainingError, match=said) as caught:
        launch(ranks(first, second), 2)
    assert "\n" not in str(caught.value)
    assert time.monotonic() - started < 20
    assert not psutil.Process().children()


@pytest.mark.usefixtures("quick")
def test_the_exit_code_of_the_first_is_the_command_s(capfd: pytest.CaptureFixture[str]) -> None:
    assert launch(ranks("os._exit(2)", SLEEPS), 2) == 2
    assert launch(ranks("import time; time.sleep(0.2); print(os.environ['WORLD_SIZE'], flush=True)", "print('not shown')"), 2) == 0
    assert capfd.readouterr().out == "2\n"
    assert not psutil.Process().children()


def test_ctrl_c_is_left_to_the_first_process(tmp_path: Path) -> None:
    saves = f"""
import signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    open({str(tmp_path / "ready")!r}, "w").close()
    time.sleep(60)
except KeyboardInterrupt:
    time.sleep(0.3)
    open({str(tmp_path / "saved")!r}, "w").close()
    os._exit(130)
"""
    sleeps = f"open({str(tmp_path / 'second')!r}, 'w').close(); {SLEEPS}"
    code = f"""
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from adapt_embed.adapters.processes.launch import launch
sys.exit(launch({ranks(saves, sleeps)!r}, 2))
"""
    with subprocess.Popen([sys.executable, "-c", code]) as parent:
        for each in ("ready", "second"):  # while one is being started, there is nothing to save yet
            wait_for(tmp_path / each)
        children = psutil.Process(parent.pid).children()
        parent.send_signal(signal.SIGINT)
        assert parent.wait(timeout=30) == 130
    assert (tmp_path / "saved").exists()
    assert len(children) == 2
    assert not any(child.is_running() for child in children)


def wait_for(path: Path, longest_s: float = 60) -> None:
    end = time.monotonic() + longest_s
    while not path.exists():
        assert time.monotonic() < end, f"{path} is not there"
        time.sleep(0.01)


def test_a_process_ends_with_the_one_that_started_it(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    together._end_with(os.getppid() + 1)
    assert ended == [1]


def test_the_first_process_leaves_to_its_parent_what_ended_another() -> None:
    place = Place(rank=0, size=2, local_rank=0, local_size=2, parent=os.getppid())
    with pytest.raises(Exit) as caught, together.taking_part(place):
        raise LostProcessError("gone")
    assert caught.value.exit_code == LOST
    with pytest.raises(LostProcessError), together.taking_part(Place(rank=0, size=2, local_rank=0, local_size=2)):
        raise LostProcessError("gone")


def test_a_process_beside_the_first_tells_its_error_in_a_line(tmp_path: Path) -> None:
    code = """
import sys
from adapt_embed.adapters.processes.environment import find_place
from adapt_embed.cli import together
from adapt_embed.errors import DataError
together._FIRST_WORDS_S = 0.0
with together.taking_part(find_place()):
    print("a result")
    print("a note", file=sys.stderr)
    if sys.argv[1:]:
        raise DataError("no such file")
"""
    temporary = {"TMPDIR": str(tmp_path)}
    for more, error in ((["fails"], "Error: process 1 of 2: no such file\n"), ([], "")):
        done = subprocess.run([sys.executable, "-c", code, *more], capture_output=True, text=True, env=os.environ | TORCHRUN | temporary)
        assert (done.stdout, done.stderr.split("Traceback")[0]) == ("", error)


# The whole command


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the environment of processes")
def test_a_killed_process_ends_the_training_and_its_state_is_kept(tiny_base: Path, toy_folder: Path, home: Path) -> None:
    where = ["--data", str(toy_folder), "--base", str(tiny_base), "--registry", str(home), "--device", "cpu", "--dtype", "fp32"]
    settings = ["epochs=5000", "batch_size=16", "max_tokens=16", "rank=4", "eval_steps=20000"]
    command = ["train", "--domain", "legal", *where, *(part for setting in settings for part in ("--set", setting))]
    run = [sys.executable, "-m", "adapt_embed.cli", *command, "--processes", "2", "--json"]
    with subprocess.Popen(run, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as parent:
        end = time.monotonic() + 120
        while not list(home.glob("runs/*/state.pt")) and parent.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
        children = psutil.Process(parent.pid).children()
        killed = next(child for child in children if child.environ()["RANK"] == "1")
        started = time.monotonic()
        killed.kill()
        out, err = parent.communicate(timeout=60)
    assert time.monotonic() - started < 30
    assert parent.returncode == 1
    lines = err.splitlines()
    assert any(line.startswith("processes: 2 (gloo on cpu, ") for line in lines)
    assert lines[-1].startswith("Error: process 1 of 2 was ended by SIGKILL")
    assert [line for line in lines if "Error" in line] == lines[-1:]
    assert "Traceback" not in err
    assert json.loads(out) == {"error": lines[-1].removeprefix("Error: ")}
    assert list(home.glob("runs/*/state.pt"))
    assert not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children)
