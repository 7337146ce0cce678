"""Start several processes of one command on this machine, and end them together. No torch: each of them imports it itself."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...errors import TrainingError
from .environment import PARENT, RENDEZVOUS
from .threads import THREADS, threads_each

LOST = 75
"""The exit code of a process that ends because another one has, and leaves it to the parent to say so."""
INTERRUPTED = 130
GRACE_S = 10.0
"""How long the others have to end by themselves, when one has ended; then they are told to, and killed when they do not."""
_POLL_S = 0.05


@dataclass(slots=True)
class Started:
    """Processes that were started together, the first with the streams of this one.

    Attributes:
        processes: By rank.
        folder: Has what the others print, a file each, and the file by which they find one another.
        failed: The rank that failed first, as far as that was seen; None: none has.
    """

    processes: list[subprocess.Popen]
    folder: Path
    failed: int | None = field(default=None, init=False)

    @property
    def first(self) -> subprocess.Popen:
        """The one that prints and writes."""
        return self.processes[0]

    def wait(self) -> int:
        """Wait for the first process, whose exit code is returned; Ctrl-C goes to it, and is left to it.

        Raises:
            TrainingError: another one failed, or the first was killed.
        """
        is_interrupted = False
        while True:
            try:
                code = self._wait()
                break
            except KeyboardInterrupt:
                if is_interrupted:  # asked for again: without saving
                    return INTERRUPTED
                is_interrupted = True
                self.first.send_signal(signal.SIGINT)
        if is_interrupted and code in (None, LOST, -signal.SIGINT):
            return INTERRUPTED
        return self._judge(code)

    def _wait(self) -> int | None:
        """Return the exit code of the first process; None where another one failed, and the first did not end by itself."""
        deadline = None
        while (code := self.first.poll()) is None:
            if self.failed is None and self._find_failed() is not None:
                deadline = time.monotonic() + GRACE_S
            if deadline is not None and time.monotonic() > deadline:
                return None
            time.sleep(_POLL_S)
        return code

    def _find_failed(self) -> int | None:
        """Return which process beside the first has ended otherwise than well, and not because another one had."""
        self.failed = next((rank for rank, each in enumerate(self.processes) if rank and each.poll() not in (None, 0, LOST)), None)
        return self.failed

    def _judge(self, code: int | None) -> int:
        """Return an exit code whose reason was told, or tell why all were ended."""
        if code is not None and code >= 0 and code != LOST:
            return code
        if code == LOST and self.failed is None:
            self._await_failed()
        rank = self.failed if code in (None, LOST) else 0
        lost = f"the {len(self.processes)} processes lost one another, and all"
        reason = lost if rank is None else f"{self._reason(rank)}, and the others"
        raise TrainingError(f"{reason} were ended; what was saved goes on with the same command and --resume, with any number of processes")

    def _await_failed(self) -> None:
        """Give the process that the first one has lost a moment to be seen."""
        end = time.monotonic() + GRACE_S
        while self._find_failed() is None and time.monotonic() < end:
            time.sleep(_POLL_S)

    def _reason(self, rank: int) -> str:
        """Say in a line how a process ended."""
        code, told = self.processes[rank].poll(), f"process {rank} of {len(self.processes)}"
        if code is not None and code < 0:
            name = signal.Signals(-code).name
            return f"{told} was ended by {name}" + (" (memory may have run out)" if -code == signal.SIGKILL else "")
        return f"{told} failed: {_last_line(log_of(self.folder, rank)) or f'exit code {code}'}"

    def end(self) -> None:
        """End whoever is still there, and leave no file."""
        for stop, patience_s in ((signal.SIGTERM, GRACE_S / 2), (signal.SIGKILL, GRACE_S / 2)):
            there = [process for process in self.processes if process.poll() is None]
            for process in there:
                process.send_signal(stop)
            deadline = time.monotonic() + patience_s
            while any(process.poll() is None for process in there) and time.monotonic() < deadline:
                time.sleep(_POLL_S)
        shutil.rmtree(self.folder, ignore_errors=True)


def _last_line(log: Path) -> str:
    """Return the error that a process told last, or else its last words."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.is_file() else []
    told = [line.removeprefix("Error: ") for line in lines if line.startswith("Error: ")] or [
        line.strip() for line in lines if line.strip()
    ]
    return told[-1] if told else ""


def launch(command: Sequence[str], processes: int) -> int:
    """Run a command in several processes that train together, and return the exit code of the first.

    The first has this process's streams; what the others print goes to files. When one of them fails or is killed, all end.

    Args:
        command: The program and its arguments, the same for all.
        processes: How many, two or more.

    Raises:
        TrainingError: one of them failed without the first having said why.
    """
    started = Started([], Path(tempfile.mkdtemp(prefix="adapt-processes-")))
    signal.signal(signal.SIGTERM, _leave)
    try:
        for rank in range(processes):
            started.processes.append(_start(command, rank, processes, started.folder))
        return started.wait()
    except KeyboardInterrupt:  # while they were being started
        return INTERRUPTED
    finally:
        started.end()


def _leave(number: int, _frame: object) -> None:
    """End the processes before this one ends."""
    sys.exit(128 + number)


def log_of(folder: Path, rank: int) -> Path:
    """Return the file that has what a process printed."""
    return folder / f"{rank}.log"


def _start(command: Sequence[str], rank: int, size: int, folder: Path) -> subprocess.Popen:
    """Start one process, in a session of its own: Ctrl-C reaches it through this one alone."""
    said = {"RANK": rank, "WORLD_SIZE": size, "LOCAL_RANK": rank, "LOCAL_WORLD_SIZE": size, PARENT: os.getpid()}
    threads = {} if THREADS in os.environ else {THREADS: str(threads_each(size))}
    there = {RENDEZVOUS: str(folder / "rendezvous")} | _own_network()
    environment = os.environ | threads | there | {name: str(value) for name, value in said.items()}
    if rank == 0:
        return subprocess.Popen(command, env=environment, start_new_session=True)
    with log_of(folder, rank).open("wb") as log:
        return subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )


def _own_network() -> dict[str, str]:
    """Have gloo speak through this machine's own interface, whatever its host name leads to."""
    if "GLOO_SOCKET_IFNAME" in os.environ or not sys.platform.startswith("linux"):
        return {}
    return {"GLOO_SOCKET_IFNAME": "lo"} if Path("/sys/class/net/lo").exists() else {}
