"""The base of what was pulled: looked for on this machine; its weights are never fetched for that."""

from __future__ import annotations

from ...base.fingerprint import WEIGHTS, fingerprint
from ...base.known import find_known
from ...base.places import find_here
from ...base.resolve import find_base, read_base
from ...base.spec import BaseSpec
from ...errors import BaseError, HubError
from ...events import Events
from ...hub.faults import told
from ...hub.names import read_repository
from ...hub.repository import stated_weights
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
            commit, sha256 = stated_weights(named, events)
    except HubError as e:
        raise BaseError(f"{e}; name its base with --base") from e
    if sha256 is None:
        raise BaseError(f"its base {named} has no {WEIGHTS} on the Hub; fetch and convert it (adapt base convert), and name it with --base")
    return BaseRecord(id=named, revision=commit, sha256=sha256, name=named)
