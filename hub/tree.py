"""What lies in a repository at a commit: paths, sizes and hashes, as the Hub states them, before anything is fetched."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..disk import file_sha256
from ..errors import HubError
from .reasons import one_line
from .requests import address, get_json
from .session import origin

MOST_FILES = 2000
_SHA256, _SHA1 = re.compile(r"[0-9a-f]{64}"), re.compile(r"[0-9a-f]{40}")
_LONGEST_PATH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class HubFile:
    """A file of a repository.

    Attributes:
        path: In the repository, checked: it leads nowhere else.
        size: In bytes.
        sha256: Of an lfs file; None of any other.
        git_sha1: Of any other, git's name for the content: the sha1 of the word blob, the size, a zero byte and the content.
    """

    path: str
    size: int
    sha256: str | None = None
    git_sha1: str | None = None

    @property
    def stated(self) -> str:
        """The hash that the Hub states."""
        return self.sha256 or self.git_sha1 or ""

    def is_held_by(self, path: Path) -> bool:
        """Return whether a file here has just the content that the Hub states."""
        if not path.is_file() or path.is_symlink() or path.stat().st_size != self.size:
            return False
        if self.sha256 is not None:
            return file_sha256(path) == self.sha256
        with path.open("rb") as file:
            blob = hashlib.file_digest(file, lambda: hashlib.sha1(b"blob %d\0" % self.size, usedforsecurity=False))
        return blob.hexdigest() == self.git_sha1


def commit_of(repo: str, revision: str | None) -> str:
    """Return the commit that a branch, a tag or a commit is (None: `main`).

    Raises:
        HubError: the answer names none.
        HfHubHTTPError: there is no such repository or revision.
    """
    from huggingface_hub.utils import validate_repo_id

    validate_repo_id(repo)
    info, _ = get_json(address("api/models", repo) + (f"/revision/{quote(revision, safe='')}" if revision else ""))
    found = info.get("sha") if isinstance(info, dict) else None
    if not isinstance(found, str) or not _SHA1.fullmatch(found):
        raise HubError(f"the Hub names no commit of {repo}")
    return found


def list_files(repo: str, commit: str, *, most: int = MOST_FILES) -> tuple[HubFile, ...]:
    """List the files of a repository at a commit; nothing is asked for after the page in which there are too many.

    Raises:
        HubError: there are too many, one lies outside the repository or is a link, or the list goes on at another host.
        HfHubHTTPError: the Hub refuses.
    """
    files: dict[str, HubFile] = {}
    url: str | None = address("api/models", repo, "tree", commit) + "?recursive=true&expand=false"
    pages = 0
    while url is not None:
        rows, response = get_json(url)
        pages += 1
        for row in rows if isinstance(rows, list) else [rows]:
            file = _read_row(repo, row)
            if file is not None:
                files[file.path] = file
        if len(files) > most or pages > most:
            raise HubError(f"{repo} holds more than {most:,} files, which no adapter has")
        url = _next_page(response.links.get("next", {}).get("url"), repo)
    return tuple(files.values())


def _next_page(url: str | None, repo: str) -> str | None:
    from huggingface_hub import constants
    from huggingface_hub.utils import fix_hf_endpoint_in_url

    if url is None:
        return None
    url = fix_hf_endpoint_in_url(url, constants.ENDPOINT)  # a mirror may hand on what the Hub itself said
    if origin(url) != origin(constants.ENDPOINT):
        raise HubError(f"the list of the files of {repo} goes on at another host ({one_line(url)[:100]}), which is not asked")
    return url


def _read_row(repo: str, row: Any) -> HubFile | None:
    """Return the file that a line of the tree is; None of a folder."""
    try:
        kind, path = row["type"], row["path"]
        check_path(repo, path)
        if kind == "directory":
            return None
        if kind != "file":
            raise HubError(f"{repo} holds {one_line(path)}, which is a {one_line(str(kind))}, not a file; such a repository is not taken")
        lfs = row.get("lfs")
        size = lfs["size"] if lfs else row["size"]
        file = HubFile(path=path, size=size, sha256=lfs["oid"] if lfs else None, git_sha1=None if lfs else row["oid"])
    except (KeyError, TypeError, AttributeError) as e:
        raise HubError(f"the list of the files of {repo} has another form than the Hub's") from e
    if isinstance(size, bool) or not isinstance(size, int) or size < 0 or not (_SHA256 if lfs else _SHA1).fullmatch(str(file.stated)):
        raise HubError(f"{repo} states no size or no hash of {one_line(path)}")
    return file


def check_path(repo: str, path: str) -> None:
    """Refuse a path that leads out of the repository, or that some system takes for another one.

    Raises:
        HubError: it does.
    """
    if not isinstance(path, str) or any(part in ("", ".", "..") for part in path.split("/")) or "\\" in path or re.match(r"\w:", path):
        raise HubError(f"{repo} holds a file at {one_line(repr(path))}, a path that leads out of it; such a repository is not taken")
    if not path.isprintable() or len(path) > _LONGEST_PATH:
        raise HubError(f"{repo} holds a file whose name is not one that can be shown: {one_line(repr(path[:100]))}")
