"""A model's repository as a push sees it: its head, its files, branches and tags, and who asks. `commits.py` changes it.

The functions let the client's own errors out; callers stand in `faults.told`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..events import QUIET, Events
from .faults import with_retries
from .tree import HubFile, list_files

if TYPE_CHECKING:
    from huggingface_hub import HfApi

MAIN = "main"


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
    files: Mapping[str, HubFile]

    def differences(self, files: Mapping[str, Path]) -> tuple[str, ...]:
        """Return the paths of what is not there, or is there with another content; each file by its path in the repository."""
        return tuple(path for path, file in files.items() if path not in self.files or not self.files[path].is_held_by(file))


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


def read_files(repo: str, revision: str, events: Events = QUIET) -> dict[str, HubFile]:
    """Return the files of a commit."""
    return {file.path: file for file in with_retries(lambda: list_files(repo, revision), events)}


def branches_and_tags(repo: str, events: Events = QUIET) -> tuple[dict[str, str], dict[str, str]]:
    """Return the branches and the tags of a repository: name -> commit."""
    refs = with_retries(lambda: client().list_repo_refs(repo), events)
    branches, tags = ({each.name: each.target_commit for each in kind} for kind in (refs.branches, refs.tags))
    return branches, tags


def proposals(repo: str, events: Events = QUIET) -> dict[str, str]:
    """Return the pull requests of a repository: the branch that each has, such as `refs/pr/1` -> its head."""
    refs = with_retries(lambda: client().list_repo_refs(repo, include_pull_requests=True), events)
    return {each.ref: each.target_commit for each in refs.pull_requests or ()}


def read_account(events: Events = QUIET) -> tuple[str, str | None]:
    """Return who the token belongs to, and what it may do, `read`, `write` or `fineGrained`; None where the Hub does not say."""
    account = with_retries(lambda: client().whoami(), events)
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
