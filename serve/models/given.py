"""What the user names at the start: what requests call it, and the base that it lies on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ...errors import AdaptError, RequestError
from ...names import normalise
from ...references import Resolved, Search, base_of, resolve_reference
from .pins import BASE


def name_given(references: Sequence[str]) -> dict[str, str]:
    """Return what requests call the references that were given: a folder or a repository by its own name, anything else as it was given.

    Raises:
        RequestError: two have one name.
    """
    names: dict[str, str] = {}
    for reference in references:
        if reference == BASE:
            continue
        bare = reference.partition("@")[0] if reference.startswith("hf:") else reference
        name = normalise(Path(bare).name if is_place(reference) else reference)
        if names.get(name, reference) != reference or name == BASE:
            raise RequestError(f"{reference} and {names.get(name, BASE)} would both be served as {name!r}; rename one of the folders")
        names[name] = reference
    return names


def find_base(references: Sequence[str], search: Search) -> Resolved:
    """Return what `base` names: the base of the first reference that is not it, or of the registry's newest version, unless one was named.

    Raises:
        AdaptError: as `resolve_reference`.
    """
    others = [reference for reference in references if reference != BASE]
    if search.base is not None:
        return resolve_reference(BASE, search)
    if others:
        return base_of(resolve_reference(others[0], search))
    for entry in sorted(search.registry.entries(), key=lambda entry: entry.created, reverse=True) if not references else ():
        try:
            return base_of(resolve_reference(entry.reference, search))
        except AdaptError:
            continue  # its base is not on this machine
    return resolve_reference(BASE, search)


def is_place(reference: str) -> bool:
    """Return whether a reference is a folder or a repository, and not a name of the registry."""
    return "/" in reference or os.sep in reference or reference.startswith(("hf:", ".", "~"))
