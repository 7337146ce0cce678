"""A folder that was checked -> a repository of the Hub, in one commit over a head that is known here."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ... import disk
from ...ensemble import RECIPE, read_recipe
from ...errors import HubError
from ...events import QUIET, Events
from ...hub.commits import Change, check_front_matter, make_branch, make_commit, make_repository, tag_commit
from ...hub.faults import told
from ...hub.reach import hub_endpoint
from ...hub.repository import MAIN, Head, branches_and_tags, read_files, read_head
from ...references import Resolved
from ...registry import Registry
from ..folder import OF_A_MODEL, is_a_model, is_of_a_version

_WEIGHTS = "adapter_model.safetensors"
_RESULTS = ".eval_results/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """What goes where.

    Attributes:
        repo: The repository.
        folder: All that it is to hold.
        card: The text of the card.
        known: The commits over which may be pushed: what was pulled and pushed here.
        over: A head, over which may be pushed as well.
        is_private: Whether a repository that is made is private.
        branch: Where the commit goes.
        message: The commit's.
        tag: What it is called.
        as_pull_request: Whether it is proposed, and not made.
    """

    repo: str
    folder: Path
    card: str
    known: Set[str]
    over: str | None
    is_private: bool
    branch: str
    message: str
    tag: str | None
    as_pull_request: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What was sent: the commit that holds the folder now, and what it changed."""

    commit: str
    changed: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    is_new: bool = False
    pull_request: str | None = None
    warnings: tuple[str, ...] = ()

    def as_report(self) -> dict[str, Any]:
        """Return what a `PushReport` takes of it."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class _Found:
    """The head that the commit is made for; whether the repository was made just now, and the branch from a head that was seen; the tags."""

    head: Head
    is_new: bool
    is_own: bool
    tags: dict[str, str]


def address(repo: str) -> str:
    """Return where people look at a repository."""
    return f"{hub_endpoint()}/{repo}"


def known_commits(registry: Registry, repo: str) -> set[str]:
    """Return the commits of a repository that versions of a registry were pulled from or pushed as."""
    return {record.revision for entry in registry.entries() for record in entry.hub if record.repository == repo}


def upload(wanted: Upload, events: Events = QUIET) -> Sent:
    """Send what a repository does not have yet, in one commit; the tag is looked at, and given by `tag_sent`.

    Raises:
        HubError: the head is one that is not known here, or the tag is another commit's.
        MeanwhileError: somebody else has pushed.
        Exception: whatever the client lets out.
    """
    files = disk.files_in(wanted.folder)
    found = _find_head(wanted, events)
    changed = found.head.differences(files)
    model = OF_A_MODEL if is_a_model(found.head.files) else ()
    ours = [path for path in found.head.files if is_of_a_version(path) or path in model or path.startswith(_RESULTS)]
    deleted = tuple(path for path in ours if path not in files)
    has_more = bool(changed or deleted)
    _check_tag(wanted, found, has_more)
    if not has_more:
        return Sent(commit=found.head.commit, is_new=found.is_new)
    if not wanted.as_pull_request and not found.is_own:
        _refuse_unknown(wanted, found.head, {*changed, *deleted})
    warned = check_front_matter(wanted.card, events)
    change = Change(
        files={path: files[path] for path in changed},
        deleted=deleted,
        parent=found.head.commit,
        branch=wanted.branch,
        message=wanted.message,
        as_pull_request=wanted.as_pull_request,
    )
    made = make_commit(wanted.repo, change, events)
    return Sent(commit=made.commit, changed=changed, deleted=deleted, is_new=found.is_new, pull_request=made.pull_request, warnings=warned)


def check_members(resolved: Resolved, folder: Path, events: Events = QUIET) -> None:
    """Refuse an ensemble with a member that does not lie where its recipe says, on this Hub and with the weights that it has here.

    Raises:
        HubError: there is one.
        Exception: whatever the client lets out.
    """
    if not (folder / RECIPE).is_file():
        return
    for member, found in zip(read_recipe(folder).members, resolved.members, strict=True):
        if not member.reference.startswith("hf:") or found.folder is None:
            continue
        repo, _, commit = member.reference.removeprefix("hf:").partition("@")
        there = read_files(repo, commit or MAIN, events).get(_WEIGHTS)
        if there is None or there.sha256 != disk.file_sha256(found.folder / _WEIGHTS):
            raise HubError(
                f"the member {found.reference} does not lie with the same weights at {member.reference} on {hub_endpoint()}; push it "
                "there first, or send the members inside with --bundle"
            )


def _find_head(wanted: Upload, events: Events) -> _Found:
    """Return the head, a repository and a branch being made where they are not there."""
    head = read_head(wanted.repo, MAIN, events)
    is_new = head is None
    if head is None:
        make_repository(wanted.repo, wanted.is_private, events)
        head = read_head(wanted.repo, MAIN, events)
        if wanted.is_private and head is not None and head.is_private is False:
            raise HubError(f"{wanted.repo} was made by somebody else meanwhile, and is public; nothing was sent")
    elif wanted.is_private and head.is_private is False:
        events.note(
            f"{wanted.repo} is there and public: --private is for a repository that is made; change it at {address(wanted.repo)}/settings"
        )
    branches, tags = branches_and_tags(wanted.repo, events) if wanted.tag or wanted.branch != MAIN else ({}, {})
    is_own = False  # a repository that was made just now holds nothing that a push touches; one that somebody filled meanwhile does
    if wanted.branch != MAIN:
        is_made, of_main = wanted.branch not in branches, head.commit if head else None
        if is_made:
            make_branch(wanted.repo, wanted.branch, events)
        head = read_head(wanted.repo, wanted.branch, events)
        is_own = is_made and head is not None and head.commit == of_main
    if head is None:
        raise HubError(f"{wanted.repo} was made, and cannot be read; may the token read it?")
    return _Found(head, is_new, is_own, tags)


def _check_tag(wanted: Upload, found: _Found, has_more: bool) -> None:
    taken = found.tags.get(wanted.tag) if wanted.tag else None
    if taken is not None and (has_more or taken != found.head.commit):
        raise HubError(
            f"{wanted.repo} has the tag {wanted.tag} already, of the commit {taken[:12]}; tags stay what they are: choose another"
        )


def _refuse_unknown(wanted: Upload, head: Head, touched: set[str]) -> None:
    """Refuse to overwrite what somebody else has pushed and this registry has never seen."""
    if head.commit in {*wanted.known, wanted.over} or not touched & set(head.files):
        return
    if wanted.over is not None:
        raise HubError(
            f"{wanted.repo} is at the commit {head.commit[:12]}, and --over names {wanted.over[:12]}; look at what is there now "
            f"({address(wanted.repo)}/commits), and name that commit"
        )
    raise HubError(
        f"{wanted.repo} is at the commit {head.commit[:12]}, which was neither pulled nor pushed from here, so that somebody's work would be "
        f"overwritten; take it in first (adapt pull {wanted.repo}), propose yours with --create-pr, push to a branch with --revision, or, "
        f"where you have seen it ({address(wanted.repo)}/commits), push with --over {head.commit}"
    )


def tag_sent(wanted: Upload, commit: str, events: Events = QUIET) -> None:
    """Give a commit that was sent its tag.

    Raises:
        HubError: it could not be given; the commit stays.
    """
    if wanted.tag is None:
        return
    what = f"{wanted.repo} has the commit {commit[:12]}, which could not be given the tag {wanted.tag} (push again to give it)"
    with told(what, repo=wanted.repo, writes=True, events=events):
        tag_commit(wanted.repo, wanted.tag, commit, events)
