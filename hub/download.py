"""Files of a repository at a commit -> a folder: what was begun goes on where it was, and each file is held against the hash that the Hub states.

The Hub's own client begins a file again in each call, and takes whatever comes in the right size.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import HubError
from ..events import QUIET, Events
from .faults import with_retries
from .requests import address, opened
from .tree import HubFile

if TYPE_CHECKING:
    import httpx2


def fetch_files(repo: str, commit: str, files: Iterable[HubFile], folder: Path, events: Events = QUIET) -> None:
    """Fetch files into a folder, each under its path; what an earlier call has fetched, whole or in part, is not asked for again.

    Args:
        repo: `OWNER/NAME`.
        commit: Of the repository, so that nothing changes while it is fetched.
        files: Which, as `list_files` gave them.
        folder: Of these files alone; what is not whole yet lies beside it, in `FOLDER.parts`, named after the content.
        events: What is told.

    Raises:
        HubError: what came is not what the Hub states.
        Exception: whatever the Hub's client lets out (`told` turns it into a line).
    """
    wanted = tuple(files)
    total, done = sum(file.size for file in wanted), 0
    parts = folder.with_name(f"{folder.name}.parts")
    parts.mkdir(parents=True, exist_ok=True)
    for file in wanted:
        target = folder / file.path
        if not file.is_held_by(target):
            before = done

            def tell(size: int, before: int = before) -> None:
                events.progress(repo, (before + size) // 1000, total // 1000, "kB")

            fetch_file(repo, commit, file, parts / file.stated, events, tell)
            target.parent.mkdir(parents=True, exist_ok=True)
            (parts / file.stated).replace(target)
        done += file.size


def fetch_file(repo: str, commit: str, file: HubFile, part: Path, events: Events, tell: Callable[[int], None]) -> None:
    """Fetch one file into `part`, from where it is on; a part that turns out wrong is removed.

    Raises:
        HubError: it has another content, or more bytes, than the Hub states.
    """
    with_retries(lambda: _go_on(repo, commit, file, part, tell), events)
    if not file.is_held_by(part):
        part.unlink(missing_ok=True)
        raise HubError(
            f"{repo} sends another content of {file.path} than the Hub states (its hash is not {file.stated[:12]}...); it is not taken. "
            "Try again, without a mirror or a proxy in between"
        )


def _go_on(repo: str, commit: str, file: HubFile, part: Path, tell: Callable[[int], None]) -> None:
    have = part.stat().st_size if part.is_file() else 0
    if have == file.size and part.is_file():
        return
    if have > file.size:
        part.unlink()
        have = 0
    asked = {"Range": f"bytes={have}-"} if have else {}
    with opened(address(repo, "resolve", commit, file.path), asked) as response:
        if have and not _continues(response, have):
            have = 0
        with part.open("ab" if have else "wb") as out:
            for chunk in response.iter_raw():  # as it comes: what a larger chunk waits for is lost when the connection breaks
                have += len(chunk)
                if have > file.size:
                    out.truncate(0)
                    raise HubError(f"{repo} sends more bytes of {file.path} than the {file.size:,} that the Hub states; it is not taken")
                out.write(chunk)
                tell(have)
    if have < file.size:
        raise _cut_short(response)


def _continues(response: httpx2.Response, have: int) -> bool:
    """Return whether an answer begins where it was asked to; a server may send the whole file in its stead."""
    return response.status_code == 206 and re.match(rf"bytes {have}-", response.headers.get("Content-Range", "")) is not None


def _cut_short(response: httpx2.Response) -> Exception:
    import httpx2

    return httpx2.RemoteProtocolError("the answer ended before the file did", request=response.request)
