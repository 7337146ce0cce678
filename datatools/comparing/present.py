"""Bases that lie on this machine: nothing is fetched, so that a comparison costs no download that nobody asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...base.encoding import BaseOptions
from ...base.known import KNOWN_BASES, find_known
from ...base.places import find_here, in_adapt_bases
from ...base.resolve import resolve_base
from ...base.spec import ResolvedBase
from ...errors import BaseError
from ...plurals import count


def find_present(references: Sequence[str], options: BaseOptions) -> list[ResolvedBase]:
    """Find bases by alias, folder or Hub id.

    Raises:
        BaseError: one is not known, or not here; one line names all that are not here.
    """
    missing = [reference for reference in references if not _is_present(reference)]
    if missing:
        are = "is" if len(missing) == 1 else "are"
        raise BaseError(
            f"{', '.join(missing)} {are} not here (of {count(len(references), 'base')}): neither in ADAPT_BASES nor in the Hugging Face cache, "
            "and nothing is fetched for a comparison; see adapt base list, or give the path of a folder (fetched with: hf download OWNER/NAME "
            "--local-dir DIR)"
        )
    return [resolve_base(reference, options=options) for reference in references]


def _is_present(reference: str) -> bool:
    """Return whether a base lies here; one that is not known at all counts as present, and is refused where it is resolved."""
    if Path(reference).expanduser().is_dir() or in_adapt_bases([reference]) is not None:
        return True
    known = KNOWN_BASES.get(reference) or find_known(hub_id=reference)
    is_hub_id = reference.count("/") == 1 and not reference.startswith((".", "/", "~"))
    if known is None and not is_hub_id:
        return True
    return find_here(known.hub_id if known else reference, known) is not None
