"""What adds lines to a log: whole or not at all, before anybody is told that they are there, and flushed to the disk soon after.

A process that is killed loses nothing that was written: what `write` was given is the system's. A power cut may lose what was not flushed: at
most the last tenth of a second, or nothing with `fsync="each"`.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from ... import disk
from ...events import QUIET, Events
from .asking import asked_names, tell_done
from .folder import day_of, file_of, locked, make_log_folder
from .forget import remove_user
from .repair import repair_log, whole_end
from .retention import remove_old

Fsync = Literal["interval", "each"]
INTERVAL_S = 0.1
_ONE_DAY = timedelta(days=1)
Added = bytes | Callable[[], bytes]
"""Lines, or what makes them at the moment at which they are added: of users that are taken out meanwhile, none."""


class LogWriter:
    """The one writer of a log; a context manager. Safe to call from several threads."""

    def __init__(
        self,
        folder: Path,
        *,
        fsync: Fsync = "interval",
        keep_days: int | None = None,
        events: Events = QUIET,
        clock: Callable[[], float] = time.time,
        on_forget: Callable[[str, float], None] = lambda *_: None,
    ) -> None:
        """Set it up; `__enter__` opens it.

        Args:
            folder: Of the log; made where it is not there.
            fsync: Whether lines reach the disk every 100 ms, or each before `append` returns.
            keep_days: Files of days further back than this are deleted, at the start and on each new day; None: none.
            events: Told what was repaired and deleted.
            clock: Gives unix seconds.
            on_forget: Told of a user that is taken out, and until which time: no event of an answer before it may come any more.
        """
        self._on_forget = on_forget
        self.folder, self._fsync, self._keep_days, self._events, self._clock = folder, fsync, keep_days, events, clock
        self._guard = threading.Lock()
        self._stopping = threading.Event()
        self._closing = contextlib.ExitStack()
        self._day: date | None = None
        self._path = folder
        self._descriptor = -1
        self._end = 0
        self._is_dirty = self._is_failing = False

    def __enter__(self) -> LogWriter:
        """Lock the log, repair it, and delete what is too old.

        Raises:
            ConfigError: the folder cannot be made.
            DataError: another process writes it.
            OSError: a file cannot be read or cut.
        """
        make_log_folder(self.folder)
        self._closing.enter_context(locked(self.folder))
        for repair in repair_log(self.folder):
            self._events.note(f"{repair.path.name}: a torn last line was cut off ({repair.cut_bytes} bytes), which nobody had been told of")
        self._remove_old()
        thread = threading.Thread(target=self._keep_house, name="event log", daemon=True)
        thread.start()
        self._closing.callback(thread.join)
        self._closing.callback(self._stopping.set)
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        """Flush, close and unlock."""
        with self._closing, self._guard:
            self._close()

    def append(self, added: Added) -> None:
        """Add lines, whole or not at all; when this returns, they survive the death of the process.

        Raises:
            OSError: they were not written, as on a full disk; nothing of them is in the log.
        """
        with self._guard:
            if not (content := added if isinstance(added, bytes) else added()):
                return
            self._open(day_of(self._clock()))
            end = disk.append(self._descriptor, content, self._path, self._end)
            if self._fsync == "each":
                self._sync_or_take_back(end - len(content))
            self._end = end
            self._is_dirty = self._fsync == "interval"

    def _sync_or_take_back(self, end: int) -> None:
        try:
            disk.sync_descriptor(self._descriptor, self._path)
        except OSError:
            disk.take_back(self._descriptor, end)
            raise

    def _open(self, day: date) -> None:
        if self._day is not None and self._day - day == _ONE_DAY:
            day = self._day  # the clock was set back over midnight: events stay behind their answers
        if day == self._day and self._is_open():
            return
        self._close()
        self._path = file_of(self.folder, day)
        self._descriptor = disk.open_to_append(self._path)
        self._end, self._day = whole_end(self._path), day  # what could not be taken back before is cut by the next line
        if self._end == 0:
            disk.sync_folder(self._path.parent)

    def _is_open(self) -> bool:
        """Return whether the file is open and still has its name: somebody may have removed or renamed it."""
        try:
            return self._descriptor >= 0 and os.path.samestat(os.fstat(self._descriptor), self._path.stat())
        except FileNotFoundError:
            return False

    def _close(self) -> None:
        if self._descriptor < 0:
            return
        with contextlib.suppress(OSError):
            disk.sync_descriptor(self._descriptor, self._path)
        os.close(self._descriptor)
        self._descriptor, self._is_dirty = -1, False

    def _keep_house(self) -> None:
        today = day_of(self._clock())
        while not self._stopping.wait(INTERVAL_S):
            self._flush()
            for name in asked_names(self.folder):
                self._forget(name)
            if (day := day_of(self._clock())) != today:
                today = day
                with contextlib.suppress(OSError):
                    self._remove_old()

    def _flush(self) -> None:
        """Flush what was added since; the descriptor is copied, so that lines are added meanwhile."""
        try:
            with self._guard:
                if not self._is_dirty:
                    return
                copy, path = os.dup(self._descriptor), self._path
                self._is_dirty = False
            try:
                disk.sync_descriptor(copy, path)
            finally:
                os.close(copy)
            self._is_failing = False
        except OSError as e:  # also where no file can be opened, which passes
            self._is_dirty = True
            if not self._is_failing:
                self._is_failing = True
                with contextlib.suppress(OSError):
                    self._events.note(f"{self._path} was not flushed to the disk: {e.strerror or e}; a power cut may lose its last lines")

    def _forget(self, name: str) -> None:
        """Take a user out while lines are added; what is added after `until` is set holds nothing of the user up to then."""
        with self._guard:
            until = self._clock()
            self._on_forget(name, until)
        try:
            answer: dict[str, Any] = dict(remove_user(self.folder, name, until, self._holding).as_dict())
        except OSError as e:
            answer = {"error": e.strerror or str(e)}
        with contextlib.suppress(OSError):
            tell_done(self.folder, name, answer)

    @contextlib.contextmanager
    def _holding(self, path: Path) -> Iterator[None]:
        """Let nobody add lines; a file that is replaced is closed, and opened again by the next line."""
        with self._guard:
            if path == self._path:
                self._close()
            yield

    def _remove_old(self) -> None:
        if self._keep_days is None:
            return
        if removed := remove_old(self.folder, day_of(self._clock()), self._keep_days):
            self._events.note(f"{len(removed)} files of the log were deleted, of {removed[0]:%Y-%m-%d} to {removed[-1]:%Y-%m-%d}")
