"""Signs of life on stderr while a command works: a status line on a terminal, a line now and then elsewhere.

One thread watches the command. It draws nothing while a bar is shown, and nothing soon after something was printed.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from ..shown_text import one_line

LINE_EVERY_S = 25.0
STATUS_AFTER_S, STATUS_EVERY_S = 0.6, 0.2
_FRAMES = "|/-\\"
_ERASE = "\r\x1b[K"


@dataclass(slots=True)
class _Watch:
    """What the thread knows: what is being done, since when nothing was printed, and whether somebody else draws."""

    on_terminal: bool
    what: str = "working"
    started: float = field(default_factory=time.monotonic)
    printed: float = field(default_factory=time.monotonic)
    pauses: int = 0
    drawn: bool = False
    frame: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)
    end: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self.end.wait(STATUS_EVERY_S):
            with self.lock, suppress(OSError, ValueError):  # a stream that cannot be written any more costs the signs alone
                self._show()

    def _show(self) -> None:
        now = time.monotonic()
        quiet_s = STATUS_AFTER_S if self.on_terminal else LINE_EVERY_S
        if self.end.is_set() or self.pauses or now - self.printed < quiet_s:
            return
        text = f"{self.what} ({now - self.started:.0f} s)"
        if self.on_terminal:
            self.frame = (self.frame + 1) % len(_FRAMES)
            print(f"{_ERASE}{_FRAMES[self.frame]} {text}", end="", file=sys.stderr, flush=True)
            self.drawn = True
        else:
            print(text, file=sys.stderr, flush=True)
            self.printed = now

    def clear(self) -> None:
        """Take the status line away."""
        if self.drawn:
            self.drawn = False
            with suppress(OSError, ValueError):
                print(_ERASE, end="", file=sys.stderr, flush=True)


_watches: list[_Watch] = []
"""The one that watches the command that runs; none, where no command runs."""


@contextmanager
def alive() -> Iterator[None]:
    """Give signs of life while the body runs."""
    if _watches or sys.stderr is None or sys.stderr.closed:
        yield
        return
    watch = _Watch(on_terminal=sys.stderr.isatty())
    _watches.append(watch)
    thread = threading.Thread(target=watch.run, name="signs of life", daemon=True)
    thread.start()
    try:
        yield
    finally:
        watch.end.set()
        thread.join()
        watch.clear()
        _watches.remove(watch)


def doing(what: str) -> None:
    """Say what is being done from now on."""
    for watch in _watches:
        watch.what = one_line(what)


@contextmanager
def printing() -> Iterator[None]:
    """Print in the body: the status line is out of the way, and what is printed is a sign of life itself."""
    if not _watches:
        yield
        return
    watch = _watches[0]
    with watch.lock:
        watch.clear()
        try:
            yield
        finally:
            watch.printed = time.monotonic()


@contextmanager
def paused() -> Iterator[None]:
    """Give no signs while the body runs: something else draws, or the user is typing."""
    for watch in _watches:
        with watch.lock:
            watch.clear()
            watch.pauses += 1
    try:
        yield
    finally:
        for watch in _watches:
            with watch.lock:
                watch.pauses -= 1
                watch.printed = time.monotonic()
