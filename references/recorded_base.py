"""The base that something was made for: found again by its fingerprint."""

from ..base.fingerprint import fingerprint
from ..base.resolve import find_base, read_base
from ..base.spec import BaseSpec
from ..errors import BaseError
from ..registry import BaseRecord
from .types import Search


def find_recorded_base(record: BaseRecord, reference: str, search: Search) -> BaseSpec:
    """Find the base that something was made for, which its fingerprint decides: the named one, the recorded path, the Hub id.

    Args:
        record: What `base_record` returned when it was made.
        reference: What was made for it, to be named in errors.
        search: Where to look.

    Raises:
        BaseError: it is not available, or is another than the one that was named.
    """
    if search.base is not None:
        base = find_base(search.base, options=search.options)
        if base.sha256 != record.sha256:
            raise BaseError(_other_base(reference, record, f"--base {search.base}", base.sha256))
        return base
    for folder in record.folders():
        if fingerprint(folder) == record.sha256:
            return read_base(folder, "path", None, search.options)
    if not record.id:
        where = (
            f"{record.label} in {record.path}, which no longer exists" if record.path else f"{record.label}, which is not on this machine"
        )
        raise BaseError(f"{reference} was made for {where}; name that base with --base")
    try:
        base = find_base(record.id, options=search.options)
    except BaseError as e:
        raise BaseError(f"{reference} needs the base that it was made for: {e}") from e
    if base.sha256 != record.sha256:
        raise BaseError(_other_base(reference, record, str(base.folder), base.sha256))
    return base


def _other_base(reference: str, record: BaseRecord, what: str, sha256: str) -> str:
    return (
        f"{reference} was made for {record.label} with weights of sha256 {record.sha256[:12]}..., but {what} has {sha256[:12]}...; "
        f"use the base it was made for, or train it again on this one"
    )
