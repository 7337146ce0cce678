"""Files that can be made again: each written whole or not at all, and above a size those used least recently are removed.

Several processes share the folder without waiting for one another: a file has a name that nobody else writes or a content that is the
same whoever writes it, comes into place by rename, and never changes.
"""

import os
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from ..base.fingerprint import cache_folder
from ..disk import replace_file
from ..errors import ConfigError

DEFAULT_BYTES = 5 * 10**9
SIZE_VARIABLE = "ADAPT_CACHE_SIZE"
_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_TEMPORARY = ".tmp"  # how the names of files end that are being written
_ABANDONED_S = 3600  # no write takes as long; what is older was left by a process that was killed
_LEFT = 0.9  # of the size, after eviction: so that not every write evicts
_CHECKED_EVERY = 0.02  # of the size: how much is written between two checks of it


@dataclass(slots=True)
class CacheFiles:
    """A folder of such files.

    Attributes:
        folder: Where they lie; made when the first one is written.
        max_bytes: What they may take together, 1 or more.
        problem: Why something could not be kept; None: all could.
        damaged: How many files were found damaged, and removed.
    """

    folder: Path
    max_bytes: int = DEFAULT_BYTES
    problem: str | None = None
    damaged: int = 0
    _unchecked: int | None = None  # bytes written since the size was last checked; None: never

    def write(self, path: Path, content: bytes) -> None:
        """Write a file below the folder; readers see all of it or nothing. One that cannot be written costs time, and is a `problem`."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, content, durability="none")
        except OSError as e:
            self.problem = f"{path.parent} cannot be written: {e.strerror or e}"
            return
        self._grow(len(content))

    def mark_used(self, path: Path) -> None:
        """Put a file last in the order of removal."""
        with suppress(OSError):
            os.utime(path)

    def drop_damaged(self, path: Path) -> None:
        """Remove a file whose content is not what was written."""
        self.damaged += 1
        with suppress(OSError):
            path.unlink(missing_ok=True)

    def evict(self) -> None:
        """Remove what killed processes left, and above `max_bytes` what was used least recently; where another process is at it, do nothing."""
        try:
            with FileLock(self.folder / ".lock", blocking=False):
                self._remove_least_used()
        except (Timeout, OSError):
            return

    def _grow(self, size: int) -> None:
        first, self._unchecked = self._unchecked is None, (self._unchecked or 0) + size
        if first or self._unchecked > self.max_bytes * _CHECKED_EVERY:
            self._unchecked = 0
            self.evict()

    def _remove_least_used(self) -> None:
        files = sorted(self._sizes_by_age())
        abandoned = time.time_ns() - _ABANDONED_S * 10**9
        total = sum(size for _, size, _ in files)
        goal = total if total <= self.max_bytes else int(self.max_bytes * _LEFT)
        for used, size, path in files:
            if path.suffix == _TEMPORARY and used > abandoned:
                continue  # a process is writing it
            if total > goal or path.suffix == _TEMPORARY:
                total -= size
                with suppress(OSError):
                    path.unlink(missing_ok=True)

    def _sizes_by_age(self) -> list[tuple[int, int, Path]]:
        """Return (time of last use in ns, bytes, path) of each file."""
        found = []
        for path in self.folder.rglob("*"):
            with suppress(OSError):  # removed meanwhile
                if path.is_file() and path.name != ".lock":
                    stat = path.stat()
                    found.append((stat.st_mtime_ns, stat.st_size, path))
        return found


def open_cache_files(max_bytes: int | None = None) -> CacheFiles:
    """Return the user's files that can be made again; `max_bytes` None: `ADAPT_CACHE_SIZE`, else 5 GB.

    Raises:
        ConfigError: `ADAPT_CACHE_SIZE` is not a size.
    """
    if max_bytes is None:
        max_bytes = parse_size(os.environ.get(SIZE_VARIABLE) or str(DEFAULT_BYTES))
    return CacheFiles(cache_folder() / "store", max_bytes)


def parse_size(text: str) -> int:
    """Read a size in bytes: a number, with KB, MB, GB or TB (powers of 1000) behind it or not.

    Raises:
        ConfigError: it is none, or less than a byte.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?B?)\s*", text, re.IGNORECASE)
    unit = match[2].upper() if match else ""
    size = int(float(match[1]) * _UNITS[unit if unit in _UNITS else unit + "B"]) if match else 0
    if size < 1:
        raise ConfigError(f"{text!r} is not a size; expected bytes, or a number followed by KB, MB, GB or TB, such as 5GB")
    return size


def describe_size(size: int) -> str:
    """Return a size as `parse_size` reads it, in the largest unit that it is one of."""
    unit = max((unit for unit, bytes_ in _UNITS.items() if unit and bytes_ <= size), key=lambda unit: _UNITS[unit], default="B")
    return f"{size / _UNITS[unit]:g} {unit}"
