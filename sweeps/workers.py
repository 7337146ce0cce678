"""Several processes on one sweep: started, watched, and told to end when the one that started them does."""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO

from ..errors import TrainingError
from .request import SweepRequest
from .study import SweepStudy

LOOK_S, END_S = 0.3, 60.0
"""How often trials are looked at, and how long a process has to write its state when it is told to end."""
_START = "from adapt_embed.sweeps.serve import serve; serve()"


def run_workers(
    request: SweepRequest, folder: Path, study: SweepStudy, tell: Callable[[set[int]], None], note: Callable[[str], None]
) -> None:
    """Run a sweep's trials in several processes until there is none left.

    A process that is killed costs nothing but itself: its trial goes on in another one.

    Args:
        request: What the processes are to do, each alone.
        folder: Of the study.
        study: What they do is seen here.
        tell: Told of trials that have ended, by the numbers of those that it knows.
        note: Told of a process that has ended before the trials.

    Raises:
        TrainingError: all processes have ended, and trials are left.
    """
    known = {each.number for each in study.records() if each.state != "running"}
    with _started(replace(request, resume=True), folder) as workers:
        gone: set[int] = set()
        while None in [worker.poll() for worker in workers]:  # all are asked, whichever still runs
            time.sleep(LOOK_S)
            tell(known)
            _note_gone(workers, gone, note)
    _note_gone(workers, gone, note)
    tell(known)
    if any(worker.returncode for worker in workers) and not _is_done(study):
        said = next(
            (line for number, worker in enumerate(workers) if worker.returncode and (line := _last_line(folder, number))), "nothing"
        )
        raise TrainingError(
            f"all processes of the sweep have ended before its trials; one said: {said}. Go on with the same command and --resume"
        )


def _note_gone(workers: list[subprocess.Popen[bytes]], gone: set[int], note: Callable[[str], None]) -> None:
    """Tell of the processes that have ended by themselves since they were last looked at."""
    for number, worker in enumerate(workers):
        if worker.returncode and number not in gone:
            gone.add(number)
            note(f"one of the processes has ended (exit code {worker.returncode}); its trial goes on in another")


def _is_done(study: SweepStudy) -> bool:
    records = study.records()
    return not any(each.state == "running" for each in records) and (len(records) >= study.trials or study.is_settled())


@contextlib.contextmanager
def _started(request: SweepRequest, folder: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Start the processes; at the end, however it comes, none is left."""
    order = pickle.dumps(request)
    (folder / "workers").mkdir(exist_ok=True)
    with contextlib.ExitStack() as stack:
        logs = [stack.enter_context(_log(folder, number).open("wb")) for number in range(request.processes)]
        workers = [_start(order, request.processes, log) for log in logs]
        try:
            yield workers
        finally:
            for worker in workers:
                assert worker.stdin is not None
                with contextlib.suppress(OSError):
                    worker.stdin.close()  # which a process takes as the word to end
            _wait(workers)


def _start(order: bytes, processes: int, log: IO[bytes]) -> subprocess.Popen[bytes]:
    threads = str(max(1, (os.cpu_count() or 1) // processes))
    worker = subprocess.Popen(
        [sys.executable, "-c", _START],
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
        env={"OMP_NUM_THREADS": threads, **os.environ},
        start_new_session=True,  # Ctrl-C is for the one that watches
    )
    assert worker.stdin is not None
    with contextlib.suppress(OSError):
        worker.stdin.write(len(order).to_bytes(8, "big") + order)
        worker.stdin.flush()
    return worker


def _wait(workers: list[subprocess.Popen[bytes]]) -> None:
    end = time.monotonic() + END_S
    for worker in workers:
        try:
            worker.wait(max(0.1, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()


def _log(folder: Path, number: int) -> Path:
    return folder / "workers" / f"{number}.log"


def _last_line(folder: Path, number: int) -> str:
    try:
        lines = _log(folder, number).read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
