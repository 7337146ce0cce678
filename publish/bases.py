"""What the bases of a version are called on the Hub: as recorded, or as the user says, which the Hub's own hash of the weights must bear out."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import BaseError, RequestError
from ..events import QUIET, Events
from ..hub.faults import told
from ..registry import BaseRecord, Entry
from .portable import HubName
from .words import check_repository


def name_bases(entry: Entry, given: Sequence[str] = (), events: Events = QUIET) -> dict[str, HubName]:
    """Return the Hub's name of each base of a version, by fingerprint.

    Args:
        entry: The version.
        given: Repositories that the user names; each holds the weights of one of the bases. The Hub is asked for its hash of them.
        events: Where waits are told.

    Raises:
        RequestError: what is given is not `OWNER/NAME`.
        BaseError: a base has no name on the Hub, or a repository holds other weights.
        HubError: a repository is not there, or the Hub cannot be reached.
    """
    for repo in given:
        check_repository(repo, "--base-id")
    stated = dict(_look(entry, repo, events) for repo in given)
    recorded = {base.sha256: HubName(base.id, base.revision) for base in entry.bases if base.id}
    named = recorded | stated
    if nameless := [base for base in entry.bases if base.sha256 not in named]:
        raise BaseError(
            f"{entry.reference} lies on {nameless[0].label}, which has no Hub id, so that nobody else could load it; name the repository "
            "that holds its weights with --base-id OWNER/NAME (upload the base there first: hf upload OWNER/NAME FOLDER)"
        )
    return named


def _look(entry: Entry, repo: str, events: Events) -> tuple[str, HubName]:
    from ..hub.repository import stated_weights

    with told(f"--base-id {repo} could not be checked", repo=repo, events=events):
        commit, sha256 = stated_weights(repo, events)
    if sha256 is None:
        raise BaseError(f"--base-id {repo} holds no model.safetensors whose sha256 the Hub states; name a repository that does")
    if not entry.is_on(sha256):
        bases = " and ".join(_with_hash(base) for base in entry.bases)
        raise BaseError(
            f"--base-id {repo} holds weights of sha256 {sha256[:12]}..., and {entry.reference} was made on {bases}; name the repository "
            "that holds those"
        )
    return sha256, HubName(repo, commit)


def _with_hash(base: BaseRecord) -> str:
    return f"{base.label} (sha256 {base.sha256[:12]}...)"


def check_ids(given: Sequence[str]) -> None:
    """Refuse a repository that is named twice.

    Raises:
        RequestError: there is one.
    """
    if twice := [each for number, each in enumerate(given) if each in given[:number]]:
        raise RequestError(f"--base-id {twice[0]} is given twice; give each once")
