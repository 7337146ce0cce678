"""The base of what was pulled: looked for on this machine; its weights are never fetched for that."""

from __future__ import annotations

import fnmatch
import hashlib

from ...base.fingerprint import WEIGHTS, fingerprint
from ...base.known import find_known
from ...base.places import find_here
from ...base.resolve import find_base, read_base
from ...base.spec import BaseSpec
from ...errors import BaseError, HubError
from ...events import Events
from ...hub.faults import told, with_retries
from ...hub.names import read_repository
from ...hub.tree import commit_of, list_files
from ...references import Search
from ...registry import BaseRecord


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
        with told(f"its base {named} is not on this machine, and the Hub was asked for its fingerprint", repo=named, events=events):
            commit = with_retries(lambda: commit_of(named, None), events)
            files = {file.path: file.sha256 for file in with_retries(lambda: list_files(named, commit), events)}
    except HubError as e:
        raise BaseError(f"{e}; name its base with --base") from e
    shards = [sha256 for path, sha256 in sorted(files.items()) if fnmatch.fnmatchcase(path, "model-*-of-*.safetensors") and sha256]
    digests = [single] if (single := files.get(WEIGHTS)) else shards
    if not digests:
        raise BaseError(f"its base {named} has no {WEIGHTS} on the Hub; fetch and convert it (adapt base convert), and name it with --base")
    sha256 = digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()
    return BaseRecord(id=named, revision=commit, sha256=sha256, name=named)
