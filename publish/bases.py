"""The bases of versions that travel: what they are called on the Hub, and where they lie on this machine. The sha256 of the weights decides.

Weights are never fetched for that: on the Hub, they have the hashes that it states.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence

from ..base.fingerprint import SHARDS, WEIGHTS, combined, fingerprint
from ..base.known import find_known
from ..base.places import find_here
from ..base.resolve import find_base, read_base
from ..base.spec import BaseSpec
from ..errors import BaseError, HubError, RequestError
from ..events import QUIET, Events
from ..hub.faults import told, with_retries
from ..hub.names import read_repository
from ..hub.repository import read_files
from ..hub.tree import commit_of
from ..references import Search
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
    if nameless := [base for base in entry.bases if base.sha256 not in named and entry.kind != "model"]:  # which needs no base
        _refuse_models(entry, nameless[0])
        raise BaseError(
            f"{entry.reference} lies on {nameless[0].label}, which has no Hub id, so that nobody else could load it; name the repository "
            "that holds its weights with --base-id OWNER/NAME (upload the base there first: hf upload OWNER/NAME FOLDER)"
        )
    return named


def _refuse_models(entry: Entry, nameless: BaseRecord) -> None:
    """Refuse an ensemble with a member that is a whole model, whose network is no base that others could load.

    Raises:
        BaseError: it has one.
    """
    if nameless.sha256 in entry.models:
        raise BaseError(
            f"{entry.reference} has the member {nameless.label}, a whole model, which is not pushed inside an ensemble; push that by itself, and "
            f"give the ensemble away as a file: adapt export {entry.reference} FILE.tar"
        )


def _look(entry: Entry, repo: str, events: Events) -> tuple[str, HubName]:
    commit, sha256 = _stated(f"--base-id {repo} could not be checked", repo, events)
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


def base_here(record: BaseRecord, where: Search) -> BaseSpec | None:
    """Return the base that a record names, as it lies on this machine; None where it does not.

    Raises:
        BaseError: the base that the user named, or the one that lies here under that name, has other weights.
    """
    if where.base is not None:
        named = find_base(where.base, options=where.options)
        if named.sha256 != record.sha256:
            raise _other(record, f"--base {where.base}", named.sha256)
        return named
    for folder in record.folders():
        if fingerprint(folder) == record.sha256:
            return read_base(folder, "path", None, where.options)
    if record.id is None or read_repository(record.id) is None or (here := find_here(record.id, find_known(hub_id=record.id))) is None:
        return None
    if (sha256 := fingerprint(here[0])) != record.sha256:
        raise _other(record, f"{record.id} on this machine", sha256)
    return read_base(*here, None, where.options)


def _other(record: BaseRecord, what: str, sha256: str) -> BaseError:
    return BaseError(
        f"it was made for {record.label} with weights of sha256 {record.sha256[:12]}..., and {what} has {sha256[:12]}...; "
        "name the base that it was made for with --base"
    )


def unseen_base(named: str, events: Events) -> BaseRecord:
    """Return the record of a base that is not on this machine, from what is known of it, else from what the Hub states of its weights.

    Raises:
        BaseError: neither says which weights it has.
    """
    if (known := find_known(hub_id=named)) is not None and known.sha256 is not None:
        return BaseRecord(id=known.hub_id, revision=known.revision, sha256=known.sha256, name=known.hub_id)
    try:
        commit, sha256 = _stated(f"its base {named} is not on this machine, and the Hub was asked for its fingerprint", named, events)
    except HubError as e:
        raise BaseError(f"{e}; name its base with --base") from e
    if sha256 is None:
        raise BaseError(f"its base {named} has no {WEIGHTS} on the Hub; fetch and convert it (adapt base convert), and name it with --base")
    return BaseRecord(id=named, revision=commit, sha256=sha256, name=named)


def _stated(what: str, repo: str, events: Events) -> tuple[str, str | None]:
    """Return the head of a base's repository, and the fingerprint of its weights there by what the Hub states (None: it states none).

    Raises:
        HubError: the Hub does not say; the message begins with `what`.
    """
    with told(what, repo=repo, events=events):
        commit = with_retries(lambda: commit_of(repo, None), events)
        files = read_files(repo, commit, events)
    names = [WEIGHTS] if WEIGHTS in files else sorted(path for path in files if fnmatch.fnmatchcase(path, SHARDS))
    digests = [digest for name in names if (digest := files[name].sha256)]
    return commit, combined(digests) if names and len(digests) == len(names) else None
