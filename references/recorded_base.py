"""The base that something was made for: found again by its fingerprint."""

from pathlib import Path

from ..base.fingerprint import fingerprint
from ..base.resolve import find_base, read_base
from ..base.spec import BaseSpec
from ..errors import BaseError
from .types import Search


def find_recorded_base(record: dict, reference: str, search: Search) -> BaseSpec:
    """Find the base that something was made for, which its fingerprint decides: the named one, the recorded path, the Hub id.

    Args:
        record: What `base_record` returned when it was made.
        reference: What was made for it, to be named in errors.
        search: Where to look.

    Raises:
        BaseError: it is not to be had, or is another than the one that was named.
    """
    if search.base is not None:
        base = find_base(search.base, options=search.options)
        if base.sha256 != record["sha256"]:
            raise BaseError(_other_base(reference, record, f"--base {search.base}", base.sha256))
        return base
    path = Path(record.get("path") or "")
    if record.get("path") and (path / "config.json").is_file() and fingerprint(path) == record["sha256"]:
        return read_base(path, "path", None, search.options)
    if not record["id"]:
        where = f"{record.get('name')} in {record.get('path')}"
        raise BaseError(f"{reference} was made for {where}, which is not there any more; name that base with --base")
    base = find_base(record["id"], options=search.options)
    if base.sha256 != record["sha256"]:
        raise BaseError(_other_base(reference, record, str(base.folder), base.sha256))
    return base


def _other_base(reference: str, record: dict, what: str, sha256: str) -> str:
    name = record.get("name") or record["id"]
    return (
        f"{reference} was made for {name} with weights of sha256 {record['sha256'][:12]}..., but {what} has {sha256[:12]}...; "
        f"use the base it was made for, or train it again on this one"
    )
