"""`adapt pull` as a job: a repository, pinned to a commit -> a version of the registry."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace

from ...events import QUIET, Events
from ...names import normalise, to_name
from ...references import Search
from ...registry import BaseRecord, Entry, HubRecord, Registry
from ..bases import base_here
from .fetched import Fetched, fetched, find_commit
from .foreign import add_foreign
from .members import with_members
from .request import Pulled, PullRequest
from .version import read_version, refuse_unseen


def pull(request: PullRequest, events: Events = QUIET) -> Pulled:
    """Register what a repository holds; where that very commit is here already, nothing is done.

    Raises:
        HubError: the Hub refuses, breaks off or cannot be reached, or sends another content than it states.
        AdapterError: it is no adapter, is damaged, or does not fit its base.
        BaseError: its base has other weights; with `strict`, it is not on this machine.
        RegistryError: the name does not fit beside another, or the registry cannot be written.
    """
    registry, repo = request.where.registry, request.repository
    name = normalise(request.name) if request.name else to_name(repo.partition("/")[2], "pulled")
    registry.check_new_name(name)
    commit = find_commit(repo, request.revision, events)
    if (same := find_pulled(registry, repo, commit, request.name)) is not None:
        refuse_unseen([base for base in same.bases if _is_unseen(base, same, request.where)], strict=request.strict)
        return Pulled(entry=same, repository=repo, revision=commit, folder=registry.folder(same), asked=request.revision, is_new=False)
    hub = HubRecord(repository=repo, revision=commit, how="pulled", branch=request.revision)
    with fetched(repo, commit, events) as found:
        entry, notes = _register(found, name, hub, request, events)
    said = (*found.notes, *notes, *_namesakes(registry, entry, repo))
    return Pulled(entry=entry, repository=repo, revision=commit, folder=registry.folder(entry), asked=request.revision, notes=said)


def _register(found: Fetched, name: str, hub: HubRecord, request: PullRequest, events: Events) -> tuple[Entry, tuple[str, ...]]:
    registry, where = request.where.registry, request.where
    version = read_version(found, where, strict=request.strict)
    if version is None:
        added = add_foreign(registry, found, name, hub, where, strict=request.strict, events=events)
        return added.entry, (*added.notes, *_unchecked(added.entry))
    with ExitStack() as stack:
        if version.draft.kind == "ensemble":
            version = with_members(version, found, where, events, stack)
        entry = registry.add(replace(version.draft, name=name).with_hub(hub), version.write)
    return entry, (*version.notes, *_unchecked(entry))


def _is_unseen(base: BaseRecord, entry: Entry, where: Search) -> bool:
    return base.sha256 in entry.unchecked and base_here(base, where) is None


def _unchecked(entry: Entry) -> tuple[str, ...]:
    labels = [base.label for base in entry.bases if base.sha256 in entry.unchecked]
    return (f"unchecked: its base {' and '.join(labels)} is not on this machine; the first use will check it",) if labels else ()


def _namesakes(registry: Registry, entry: Entry, repo: str) -> tuple[str, ...]:
    others = [each for each in registry.entries() if each.name == entry.name and each.version != entry.version and not _is_from(each, repo)]
    if not others:
        return ()
    return (f"{entry.name} has versions that do not come from {repo} ({others[-1].reference}); {entry.name} now means {entry.reference}",)


def _is_from(entry: Entry, repo: str) -> bool:
    return any(record.repository == repo for record in entry.hub)


def find_pulled(registry: Registry, repo: str, commit: str, name: str | None = None) -> Entry | None:
    """Return the newest version that lies at a commit of a repository; None where the registry has none (of that name)."""
    found = [
        entry
        for entry in registry.entries()
        if name in (None, entry.name) and any((record.repository, record.revision) == (repo, commit) for record in entry.hub)
    ]
    return found[-1] if found else None
