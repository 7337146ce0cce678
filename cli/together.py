"""One command in several processes: the one that starts them, and what each of them prints."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..adapters.processes.launch import LOST, launch
from ..errors import AdaptError, LostProcessError, RequestError
from . import life

if TYPE_CHECKING:
    from ..adapters.processes.environment import Place

_LAST_WORDS_S = 5.0
"""How long a process beside the first goes on after Ctrl-C, so that the first can save its state."""
_FIRST_WORDS_S = 2.0
"""How long it waits before it fails: a launcher ends the others then, and the first may be about to tell what is wrong."""


def start_processes(arguments: list[str], processes: int) -> None:
    """Run the command that is running in several processes in place of this one, and leave with the exit code of the first.

    Args:
        arguments: Of the command, its name first.
        processes: How many.

    Raises:
        TrainingError: one of them failed without the first having said why.
    """
    command = [sys.executable, "-P", "-m", "adapt_embed.cli", *arguments]
    with life.paused():
        code = launch(command, processes)
    raise click.exceptions.Exit(code)


@contextmanager
def taking_part(place: Place | None) -> Iterator[None]:
    """Have this process end with the others, and print nothing unless it is the first; without effect where it was started alone."""
    if place is None:
        yield
        return
    if place.parent is not None:
        threading.Thread(target=_end_with, args=(place.parent,), name="end with the parent", daemon=True).start()
    if place.is_first:
        with _left_to_parent(place):
            yield
        return
    signal.signal(signal.SIGINT, _go_on_a_little)
    if place.parent is not None:  # which has given it a file to print to
        with _left_to_parent(place):
            yield
        return
    with _told_in_a_line(place):
        yield


@contextmanager
def _left_to_parent(place: Place) -> Iterator[None]:
    """End in silence where another process has ended: the parent, where there is one, has seen which and says so."""
    try:
        yield
    except LostProcessError:
        if place.parent is None:
            raise
        raise click.exceptions.Exit(LOST) from None


@contextmanager
def _told_in_a_line(place: Place) -> Iterator[None]:
    """Print to a file, and of an error one line to where this process would have printed."""
    folder = Path(tempfile.mkdtemp(prefix="adapt-process-"))
    log, told = folder / f"{place.rank}.log", os.dup(2)
    with log.open("wb") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    try:
        yield
    except LostProcessError:
        raise click.exceptions.Exit(1) from None
    except RequestError:  # which the first process finds in the same words, and tells
        time.sleep(_FIRST_WORDS_S)
        raise click.exceptions.Exit(2) from None
    except AdaptError as e:
        time.sleep(_FIRST_WORDS_S)
        os.write(told, f"Error: process {place.rank} of {place.size}: {e}\n".encode())
        raise click.exceptions.Exit(1) from None
    except Exception as e:
        traceback.print_exc()
        os.write(told, f"Error: process {place.rank} of {place.size} failed: {type(e).__name__}: {e} (more in {log})\n".encode())
        raise click.exceptions.Exit(1) from None
    with suppress(OSError):
        log.unlink()
        folder.rmdir()


def _end_with(parent: int) -> None:
    """Watch the process that started this one, and end when it is there no more."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _go_on_a_little(_number: int, _frame: object) -> None:
    timer = threading.Timer(_LAST_WORDS_S, os._exit, (130,))
    timer.daemon = True
    timer.start()
