"""A request -> a job, with what can be wrong found before a byte is sent."""

from __future__ import annotations

from ...errors import AdapterError, HubError
from ...events import QUIET, Events, note_once
from ...hub.faults import told
from ...hub.reach import hub_is_reachable, hub_silence
from ...references import Resolved, Search, locate_reference, resolve_located
from ...registry import Entry, Registry, check_usable, open_registry
from ..bases import name_bases
from ..card import licence_questions
from ..card.job import ancestors_of
from ..machine import this_machine
from ..portable import Names, known_on_the_hub, portable
from .job import PushJob
from .request import PushRequest


def prepare_push(request: PushRequest, events: Events = QUIET, *, dry_run: bool = False) -> PushJob:
    """Find a version, its bases' names on the Hub and what it was made from, and ask the Hub who is there. Nothing is written anywhere.

    Args:
        request: What is asked for.
        events: Receives what is being done.
        dry_run: Whether it is to be planned alone: then the Hub is asked for nothing but the bases that `base_ids` names.

    Raises:
        UnknownReferenceError: there is no such version.
        AdapterError: it is not registered, or of a kind that cannot be used.
        BaseError: a base has no name on the Hub, or the one that was given holds other weights.
        HubError: the Hub cannot be reached, no token is known, or it may not write.
    """
    where = request.where or Search(registry=open_registry())
    resolved = _find(request.reference, where)
    assert resolved.entry is not None
    note_once(events, resolved.notes)
    if request.base_ids:
        _check_reachable(request.repo)
    bases = name_bases(resolved.entry, request.base_ids, events)
    if not dry_run:
        _check_reachable(request.repo)
        _check_token(request.repo)
    names = Names(
        bases=bases,
        versions=known_on_the_hub(where.registry, resolved.entry),
        machine=this_machine(where.registry.home),
    )
    ancestors = _ancestors(where.registry, resolved.entry, names)
    questions = licence_questions(portable(resolved.entry, names), ancestors)
    return PushJob(request=request, registry=where.registry, resolved=resolved, names=names, ancestors=ancestors, questions=questions)


def _find(reference: str, where: Search) -> Resolved:
    """Return a version of the registry, with its base and members.

    Raises:
        AdapterError: it is in no registry.
    """
    located = locate_reference(reference, where)
    if located.entry is None or located.folder is None or located.entry not in where.registry.entries():
        what = "a base is not made by adapt" if reference == "base" else "only what is registered is pushed: adapt add FOLDER"
        raise AdapterError(f"{reference} is not a version of the registry {where.registry.home}; {what}")
    check_usable(located.entry)
    return resolve_located(located, where)


def _check_reachable(repo: str) -> None:
    if not hub_is_reachable():
        raise HubError(f"{repo} cannot be pushed to: {hub_silence()}")


def _check_token(repo: str) -> None:
    """Refuse before anything is computed what a token is needed for, or one that only reads."""
    from huggingface_hub import get_token

    from ...hub.repository import read_account

    what = f"{repo} cannot be pushed to"
    with told(what, repo=repo, writes=True):
        token = get_token()
        if token is None:
            raise HubError(f"{what}: no token is known; log in with: hf auth login (or set HF_TOKEN)")
        account, role = read_account()
    if role == "read":
        raise HubError(f"{what}: the token of {account} only reads; make one that may write, and log in with it: hf auth login")


def _ancestors(registry: Registry, entry: Entry, names: Names) -> dict[str, Entry]:
    """Return what a version was made from as others may see it, by the names that it is called by there."""
    from dataclasses import replace

    found = ancestors_of(registry, entry)
    known = {reference: location for each in (entry, *found.values()) for reference, location in known_on_the_hub(registry, each).items()}
    loose = replace(names, versions=known)
    return {loose.version(reference): portable(each, loose) for reference, each in found.items()}
