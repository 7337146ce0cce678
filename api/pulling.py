"""A repository of the Hub -> a version."""

from __future__ import annotations

from os import PathLike

from ..base.encoding import BaseOptions
from ..events import QUIET, Events
from ..publish.pull.job import pull
from ..publish.pull.request import Pulled, PullRequest
from .places import Place, search_in


def pull_adapter(
    repo: str,
    *,
    revision: str | None = None,
    name: str | None = None,
    strict: bool = False,
    base: str | PathLike[str] | None = None,
    options: BaseOptions | None = None,
    registry: Place = None,
    events: Events = QUIET,
) -> Pulled:
    """Register what a repository of the Hub holds, pinned to its commit, after it was checked. `load(pulled.reference)` opens it.

    Args:
        repo: `OWNER/NAME`.
        revision: A branch, a tag or a commit; None: `main`.
        name: Its name in the registry; None: the repository's.
        strict: Whether it is refused where its base is not on this machine; otherwise it is unchecked until it is used.
        base: Its base, where that is to be said: an alias, a folder, or a Hub id.
        options: What is said of that base, as `load` takes it.
        registry: Where it goes; None: the user's own registry.
        events: Receives what is being done, and waits.

    Raises:
        RequestError: that is not a repository.
        HubError: the Hub refuses, breaks off or cannot be reached, or sends another content than it states.
        AdapterError: it is no adapter, is damaged, or does not fit its base.
        BaseError: its base has other weights; with `strict`, it is not here.
        RegistryError: the name does not fit beside another, or the registry cannot be written.
    """
    request = PullRequest(repository=repo, revision=revision, name=name, strict=strict, where=search_in(registry, base, options))
    return pull(request, events)
