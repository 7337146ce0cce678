"""What the disk says -> one clear line."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ..errors import RegistryError

LOCK = ".lock"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)


@contextmanager
def readable_errors(home: Path) -> Iterator[None]:
    """Turn what the disk refuses while the registry at `home` is written into a RegistryError of one line."""
    from safetensors import SafetensorError

    try:
        yield
    except SafetensorError as e:  # it hides the operating system's error in its text
        number = re.search(r"os error (\d+)", str(e))
        if number is None:
            raise
        raise RegistryError(_explain(home, int(number[1]), str(e))) from e
    except OSError as e:
        raise RegistryError(_explain(home, e.errno, str(e))) from e


def _explain(home: Path, number: int | None, text: str) -> str:
    if number in _FULL:
        return f"the disk of the registry {home} is full ({text}); nothing was changed: free some space, or choose another folder with --registry"
    if number in _READ_ONLY:
        return f"the registry {home} is read-only ({text}); choose a folder you may write to with --registry or ADAPT_HOME"
    if number in (errno.ENOTDIR, errno.EEXIST):
        return f"the registry {home} cannot be a folder, a file is in the way ({text}); choose another folder with --registry or ADAPT_HOME"
    return f"the registry {home} could not be written ({text})"


@contextmanager
def index_lock(home: Path, timeout_s: float) -> Iterator[None]:
    """Hold the lock on a registry's index.

    Raises:
        RegistryError: another process holds it for longer than `timeout_s`.
    """
    lock = FileLock(home / LOCK, timeout=timeout_s, poll_interval=0.01)
    try:
        lock.acquire()
    except Timeout:
        raise RegistryError(
            f"the registry {home} has been locked by another process for {timeout_s:g} s; wait for it to finish, then run this again"
        ) from None
    try:
        yield
    finally:
        lock.release()
