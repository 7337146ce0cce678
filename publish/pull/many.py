"""`adapt update` and `adapt pull --all`: the newer commit of a version, and all that an owner has tagged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ...errors import AdaptError, HubError, RegistryError, RequestError
from ...events import QUIET, Events
from ...hub.faults import told, with_retries
from ...hub.names import is_owner
from ...hub.repository import client
from ...names import normalise
from ...references import Search
from ...registry import HubRecord, Registry
from .job import pull
from .request import Pulled, PullRequest

TAG = "adapt"
"""What the repositories of an owner are told by."""
MOST_REPOSITORIES = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class PulledAll:
    """What became of an owner's repositories.

    Attributes:
        owner: Whose they are.
        pulled: Those that lie in the registry.
        refused: Repository -> why it does not.
    """

    owner: str
    pulled: tuple[Pulled, ...]
    refused: dict[str, str]

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {"owner": self.owner, "pulled": [each.as_dict() for each in self.pulled], "refused": self.refused}


def update(name: str, where: Search, *, strict: bool = False, events: Events = QUIET) -> Pulled:
    """Pull the newest commit of what the newest version of a name was pulled from, as a new version; nothing where there is no newer one.

    Raises:
        UnknownReferenceError: there is no version of that name.
        AdaptError: as `pull`.
    """
    record = pulled_from(where.registry, normalise(name))
    request = PullRequest(repository=record.repository, revision=record.branch, name=normalise(name), strict=strict, where=where)
    return pull(request, events)


def pulled_from(registry: Registry, name: str) -> HubRecord:
    """Return where the newest version of a name lies on the Hub.

    Raises:
        UnknownReferenceError: there is no version of that name.
        RegistryError: none of its versions lies there.
    """
    registry.find(name)
    known = [entry for entry in registry.entries() if entry.name == name and entry.hub]
    if not known:
        raise RegistryError(
            f"no version of {name} was pulled from the Hub, or pushed to it; to pull one: adapt pull OWNER/NAME --name {name}"
        )
    return known[-1].hub[-1]


def pull_all(owner: str, where: Search, *, strict: bool = False, events: Events = QUIET) -> PulledAll:
    """Pull what an owner has tagged `adapt`; one that is refused does not keep the others from being pulled.

    Raises:
        RequestError: that is no owner's name.
        HubError: the list cannot be had, or is empty.
    """
    if not is_owner(owner):
        raise RequestError(f"{owner!r} is not a user or an organisation of the Hub; expected OWNER")
    pulled, refused = [], {}
    for repo in _tagged(owner, events):
        try:
            pulled.append(pull(PullRequest(repository=repo, strict=strict, where=where), events))
        except AdaptError as e:
            refused[repo] = str(e)
    return PulledAll(owner=owner, pulled=tuple(pulled), refused=refused)


def _tagged(owner: str, events: Events) -> list[str]:
    with told(f"the repositories of {owner} could not be listed", events=events):
        found = with_retries(lambda: list(_list(owner)), events)
    if not found:
        raise HubError(
            f"{owner} has no repository that is tagged {TAG} and that you may see; to pull one by its name: adapt pull {owner}/NAME"
        )
    return sorted(found)


def _list(owner: str) -> Iterator[str]:
    for model in client().list_models(author=owner, filter=TAG, limit=MOST_REPOSITORIES):
        yield model.id
