"""A version -> a repository of the Hub."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from ..events import QUIET, Events
from ..publish.card import CardOptions
from ..publish.push import PushReport, PushRequest, prepare_push
from .places import Named, Place, as_references, search_in

if TYPE_CHECKING:
    from typing import Unpack


class PushOptions(TypedDict, total=False):
    """What else a push takes, as `PushRequest` names it."""

    is_private: bool
    branch: str | None
    message: str | None
    tag: str | None
    as_pull_request: bool
    base_ids: tuple[str, ...]
    bundle: bool
    over: str | None
    keeps: tuple[str, ...]
    card: CardOptions


def push_adapter(
    adapter: Named,
    repo: str,
    *,
    registry: Place = None,
    yes: bool = False,
    dry_run: bool = False,
    events: Events = QUIET,
    **more: Unpack[PushOptions],
) -> PushReport:
    """Push a registered version to a repository of the Hub, in one commit.

    Args:
        adapter: The version, or its reference.
        repo: `OWNER/NAME`; it is made where it is not there.
        registry: Where it lies; None: the adapter's own, else the user's.
        yes: Whether you have made sure that the data's licences let it be shared, where that is a question.
        dry_run: Whether everything is written and checked, and nothing sent.
        events: Receives what is being done, and waits.
        more: `is_private`, `branch`, `message`, `tag`, `as_pull_request`, `base_ids`, `bundle`, `over`, `keeps` and `card`.

    Returns:
        The commit that holds the version now, what was sent, and the card.

    Raises:
        RequestError: there is a question, and `yes` was not said; or the words contradict one another.
        UnknownReferenceError: there is no such version.
        BaseError: a base has no name on the Hub, or another one.
        AdapterError: it is not registered, or would not be the same elsewhere.
        HubError: the Hub refuses, somebody else has pushed, or it cannot be reached.
    """
    where = search_in(registry, of=(adapter,))
    (reference,) = as_references((adapter,), where, "a push")
    request = PushRequest(reference=reference, repo=repo, where=where, yes=yes, **more)
    job = prepare_push(request, events, dry_run=dry_run)
    return job.plan(events) if dry_run else job.run(events)
