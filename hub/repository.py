"""A model's repository as a push sees it: its head, its files, branches and tags, and who asks. `commits.py` changes it.

The functions let the client's own errors out; callers stand in `faults.told`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..events import QUIET, Events
from .faults import with_retries

if TYPE_CHECKING:
    from huggingface_hub import HfApi

MAIN = "main"
_WEIGHTS = re.compile(r"model(-\d+-of-\d+)?\.safetensors")


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of a repository: its bytes, git's hash of it, and the sha256 that the Hub states for a large one (None: of no large one)."""

    size: int
    git_sha1: str
    sha256: str | None

    def is_same(self, content: bytes) -> bool:
        """Return whether it holds just this."""
        if self.sha256 is not None:
            return hashlib.sha256(content).hexdigest() == self.sha256
        return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest() == self.git_sha1


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A commit of a repository, as it was seen.

    Attributes:
        commit: 40 hexadecimal digits.
        is_private: Whether only some may read it; None where the Hub does not say.
        files: By path.
    """

    commit: str
    is_private: bool | None
    files: Mapping[str, RemoteFile]

    def differences(self, files: Mapping[str, bytes]) -> tuple[str, ...]:
        """Return the paths of what is not there, or is there with another content."""
        return tuple(path for path, content in files.items() if path not in self.files or not self.files[path].is_same(content))


def read_head(repo: str, branch: str = MAIN, events: Events = QUIET) -> Head | None:
    """Return the head of a branch; None where there is no such repository, or it may not be seen."""
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    try:
        info = with_retries(lambda: client().model_info(repo, revision=branch), events)
    except GatedRepoError:
        raise
    except RepositoryNotFoundError:
        return None
    assert info.sha is not None
    return Head(commit=info.sha, is_private=info.private, files=read_files(repo, info.sha, events))


def read_files(repo: str, revision: str, events: Events = QUIET) -> dict[str, RemoteFile]:
    """Return the files of a commit."""
    found = with_retries(lambda: list(client().list_repo_tree(repo, recursive=True, revision=revision)), events)
    files: list[Any] = [each for each in found if hasattr(each, "blob_id")]
    return {each.path: RemoteFile(each.size, each.blob_id, each.lfs.sha256 if each.lfs else None) for each in files}


def branches_and_tags(repo: str, events: Events = QUIET) -> tuple[dict[str, str], dict[str, str]]:
    """Return the branches and the tags of a repository: name -> commit."""
    refs = with_retries(lambda: client().list_repo_refs(repo), events)
    branches, tags = ({each.name: each.target_commit for each in kind} for kind in (refs.branches, refs.tags))
    return branches, tags


def stated_weights(repo: str, events: Events = QUIET) -> tuple[str, str | None]:
    """Return the head of a base's repository, and the fingerprint of its weights there by what the Hub states (None: it states none)."""
    info = with_retries(lambda: client().model_info(repo), events)
    assert info.sha is not None
    files = read_files(repo, info.sha, events)
    single = [files["model.safetensors"]] if "model.safetensors" in files else []
    found = single or [files[path] for path in sorted(files) if _WEIGHTS.fullmatch(path)]
    digests = [each.sha256 for each in found if each.sha256 is not None]
    if not digests or len(digests) < len(found):
        return info.sha, None
    return info.sha, digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()


def read_account() -> tuple[str, str | None]:
    """Return who the token belongs to, and what it may do, `read`, `write` or `fineGrained`; None where the Hub does not say."""
    account = with_retries(lambda: client().whoami())
    token = (account.get("auth") or {}).get("accessToken") or {}
    return str(account.get("name", "")), token.get("role")


def client() -> HfApi:
    """Return the Hub's client, as adapt uses it."""
    from huggingface_hub import HfApi

    from .. import __version__

    class Api(HfApi):
        def _validate_yaml(self, *_: object, **__: object) -> None:
            """Leave the card to `check_front_matter`: the client warns through Python's warnings, and reads a proxy's page as JSON."""

    return Api(library_name="adapt-embed", library_version=__version__)
