"""What changes a repository of the Hub: made, given a branch and a tag, and one commit over a head that was seen.

The functions let the client's own errors out; callers stand in `faults.told`.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import HubError
from ..events import QUIET, Events
from .faults import is_passing, with_retries
from .reach import hub_endpoint
from .reasons import one_line
from .repository import MAIN, Head, client, proposals, read_head
from .session import without_bars


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One commit that is to be made.

    Attributes:
        files: Path -> the file that goes there.
        deleted: Paths that are there and go.
        parent: The head that it is made for.
        branch: Where.
        message: Its first line.
        as_pull_request: Whether it is proposed, and not made.
    """

    files: Mapping[str, Path]
    deleted: Sequence[str] = field(default_factory=tuple)
    parent: str
    branch: str = MAIN
    message: str
    as_pull_request: bool = False

    def is_in(self, head: Head) -> bool:
        """Return whether a commit holds what this one changes."""
        return not head.differences(self.files) and not any(path in head.files for path in self.deleted)


@dataclass(frozen=True, slots=True)
class Committed:
    """A commit that was made: its id, and the address of its pull request (None: it is on the branch)."""

    commit: str
    pull_request: str | None = None


class MeanwhileError(HubError):
    """The head is not the one that was seen: somebody else has pushed."""


def make_repository(repo: str, is_private: bool, events: Events = QUIET) -> None:
    """Make a repository; one that somebody made meanwhile is taken."""
    with_retries(lambda: client().create_repo(repo, private=is_private or None, exist_ok=True), events)


def make_branch(repo: str, branch: str, events: Events = QUIET) -> None:
    """Make a branch from `main`, where it is not there yet."""
    with_retries(lambda: client().create_branch(repo, branch=branch, exist_ok=True), events)


def tag_commit(repo: str, tag: str, commit: str, events: Events = QUIET) -> None:
    """Give a commit a tag; one that is there already stays what it is."""
    with_retries(lambda: client().create_tag(repo, tag=tag, revision=commit, exist_ok=True), events)


def check_front_matter(card: str, events: Events = QUIET) -> tuple[str, ...]:
    """Return the Hub's own warnings of a card.

    Raises:
        HubError: the Hub does not take it; the message says why.
    """
    from huggingface_hub import constants
    from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status

    def ask() -> tuple[str, ...]:
        url, content = f"{constants.ENDPOINT}/api/validate-yaml", {"content": card, "repoType": "model"}
        answer = get_session().post(url, json=content, headers=build_hf_headers())
        if answer.status_code != 400:
            hf_raise_for_status(answer)
        said = answer.json()
        if errors := _messages(said, "errors"):
            raise HubError(f"the Hub does not take the card: {'; '.join(errors)}")
        return _messages(said, "warnings")

    return with_retries(ask, events)


def make_commit(repo: str, change: Change, events: Events = QUIET) -> Committed:
    """Make one commit, where the head is still the one that it was made for.

    Where the answer is lost, the head, or the pull requests that are new, are looked at before anything is sent again: the commit may
    have been made.

    Raises:
        MeanwhileError: somebody else has pushed; nothing was changed.
    """
    before = proposals(repo, events) if change.as_pull_request else {}
    tries = 0

    def made_already() -> Committed | None:
        return _proposed_already(repo, change, before, events) if change.as_pull_request else _made_already(repo, change, events)

    def send() -> Committed:
        nonlocal tries
        tries += 1
        if tries > 1 and (made := made_already()):
            return made
        try:
            return _send(repo, change)
        except Exception as e:
            if _is_too_late(e):
                return made_already() or _refuse(repo, change)
            raise

    return with_retries(send, events)


def _send(repo: str, change: Change) -> Committed:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    added = [CommitOperationAdd(path_in_repo=path, path_or_fileobj=str(file)) for path, file in change.files.items()]
    deleted = [CommitOperationDelete(path_in_repo=path, is_folder=False) for path in change.deleted]
    with without_bars(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = client().create_commit(
            repo,
            [*added, *deleted],
            commit_message=change.message,
            revision=change.branch,
            create_pr=change.as_pull_request,
            parent_commit=change.parent,
        )
    return Committed(made.oid, made.pr_url)


def _made_already(repo: str, change: Change, events: Events) -> Committed | None:
    """Return the head where it is the commit that was to be made.

    Raises:
        MeanwhileError: it is neither that nor the one that was seen.
    """
    head = read_head(repo, change.branch, events)
    if head is None or head.commit == change.parent:
        return None
    return Committed(head.commit) if change.is_in(head) else _refuse(repo, change)


def _proposed_already(repo: str, change: Change, before: Mapping[str, str], events: Events) -> Committed | None:
    """Return the pull request that was to be made, of those that were not there before; None where there is none."""
    for ref in proposals(repo, events).keys() - before.keys():
        head = read_head(repo, ref, events)
        if head is not None and change.is_in(head):
            return Committed(head.commit, f"{hub_endpoint()}/{repo}/discussions/{ref.rpartition('/')[2]}")
    return None


def _refuse(repo: str, change: Change) -> Committed:
    raise MeanwhileError(f"somebody else has pushed to {repo} meanwhile (after {change.parent[:12]}); nothing was overwritten")


def _is_too_late(error: Exception) -> bool:
    response = getattr(error, "response", None)
    return getattr(response, "status_code", None) == 412 and not is_passing(error)


def _messages(said: Any, kind: str) -> tuple[str, ...]:
    rows = said.get(kind) if isinstance(said, dict) else None
    return tuple(one_line(str(row.get("message"))) for row in rows or [] if isinstance(row, dict))
