"""A repository at a commit -> a checked folder outside the registry; what a broken connection leaves there, the next call goes on with."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from ...base.fingerprint import cache_folder
from ...errors import AdaptError, BaseError, HubError, RegistryError
from ...events import Events
from ...hub.download import fetch_files
from ...hub.faults import told, with_retries
from ...hub.reach import hub_endpoint
from ...hub.tree import commit_of, list_files
from .choose import choose_files
from .contents import check_tensor_files

_KEPT_S = 14 * 24 * 3600
"""How long a download that nobody went on with is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A repository at a commit, fetched.

    Attributes:
        repository: `OWNER/NAME`.
        revision: The commit.
        folder: Its files, each as the Hub states it.
        others: The paths of its files that were not fetched.
        notes: What the user should know.
    """

    repository: str
    revision: str
    folder: Path
    others: tuple[str, ...]
    notes: tuple[str, ...] = ()


def find_commit(repo: str, revision: str | None, events: Events) -> str:
    """Ask the Hub which commit a revision is.

    Raises:
        HubError: there is none, or the Hub does not answer.
    """
    with told(f"{repo} could not be pulled", repo=repo, events=events):
        return with_retries(lambda: commit_of(repo, revision), events)


@contextmanager
def fetched(repo: str, commit: str, events: Events) -> Iterator[Fetched]:
    """Fetch a repository; the folder is removed afterwards, unless the same files may be wanted again: the connection broke, or the base is to be named.

    Raises:
        HubError: the Hub refuses or breaks off, or what came is not what it states.
        AdaptError: it holds no adapter that is taken, or whatever is raised of it inside; the message names the repository.
    """
    root = cache_folder() / "pulls"
    _tidy(root)
    place = root / hashlib.sha256(f"{hub_endpoint()} {repo} {commit}".encode()).hexdigest()[:32]
    with _held(place):
        try:
            found = _fetch(repo, commit, place, events)
            with _named(repo, found.folder):
                check_tensor_files(found.folder)
                yield found
        except (HubError, BaseError, RegistryError, KeyboardInterrupt):  # the same files may be wanted again
            if not any(path.is_file() for path in place.rglob("*")):
                shutil.rmtree(place, ignore_errors=True)
            raise
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise
        shutil.rmtree(place, ignore_errors=True)


def _fetch(repo: str, commit: str, place: Path, events: Events) -> Fetched:
    with told(f"{repo} could not be pulled", repo=repo, events=events):
        events.stage(f"reading what {repo} holds")
        choice = choose_files(repo, with_retries(lambda: list_files(repo, commit), events))
        events.stage(f"fetching {repo}")
        fetch_files(repo, commit, choice.wanted, place / "files", events)
    notes = (choice.note,) if choice.note else ()
    return Fetched(repository=repo, revision=commit, folder=place / "files", others=choice.others, notes=notes)


@contextmanager
def _named(repo: str, folder: Path) -> Iterator[None]:
    """Name the repository in errors, in the stead of the folder."""
    try:
        yield
    except AdaptError as e:
        text = str(e).replace(f"{folder}/", "").replace(str(folder), repo)
        raise type(e)(text if text.startswith(repo) else f"{repo}: {text}") from e


@contextmanager
def _held(place: Path) -> Iterator[None]:
    place.mkdir(parents=True, exist_ok=True)
    lock = FileLock(place.with_suffix(".lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise HubError("the same repository is being pulled by another process; wait until that is done") from None
    try:
        yield
    finally:
        lock.release()


def _tidy(root: Path) -> None:
    """Remove what was begun long ago."""
    for path in root.glob("*") if root.is_dir() else ():
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > _KEPT_S:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()
