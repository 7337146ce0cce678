"""A published folder opened again: its vectors are those of the version, bit for bit, in both roles, or it is not sent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from ..base.encoding import encoding_of
from ..base.resolve import read_base
from ..choices import Role
from ..ensemble import INSIDE, read_recipe
from ..errors import AdapterError
from ..references import EncoderSettings, LoadedBases, Resolved, open_reference
from ..references.resolve import made_with
from ..registry import read_entry

if TYPE_CHECKING:
    from ..encoders.protocol import Opened, Vectors

TEXTS = (
    "Who has to mend the heating?",
    "房东应当负责修理暖气吗？",
    "The tenant may give two months of notice, 但须以书面形式提出。",
    "every word of a text that is longer than a network reads " * 60,
)


def check_same_vectors(resolved: Resolved, folder: Path) -> None:
    """Refuse a published folder that gives other vectors than the version that it was written from, on a few texts.

    Args:
        resolved: The version.
        folder: What was written.

    Raises:
        AdapterError: a vector differs.
        AdaptError: the folder or its base does not open.
    """
    bases = LoadedBases(EncoderSettings(device="cpu", precision="fp32"))
    expected = _vectors(open_reference(resolved, bases))
    found = _vectors(open_reference(published_again(resolved, folder), bases))
    for (what, own), other in zip(expected.items(), found.values(), strict=True):
        if own.shape != other.shape or not (own == other).all():
            raise AdapterError(
                f"{resolved.reference} would not be the same elsewhere: what was written gives other vectors ({what}); nothing was sent. "
                "Its folder may have been changed: adapt verify"
            )


def published_again(resolved: Resolved, folder: Path) -> Resolved:
    """Return a version as it is found in its published folder, over the bases that were found for the registered one."""
    entry = read_entry(folder / "adapt.json")
    if entry.kind == "ensemble":
        recipe = read_recipe(folder)
        pairs = zip(recipe.members, resolved.members, strict=True)
        members = tuple(
            published_again(found, folder / member.reference) if member.reference.startswith(INSIDE) else found for member, found in pairs
        )
        return replace(resolved, entry=entry, folder=folder, recipe=recipe, members=members)
    if entry.kind == "model":
        own = replace(read_base(folder, "path"), called=resolved.base.called)
        return replace(resolved, entry=entry, folder=folder, base=own, encoding=encoding_of(own, made_with=made_with(entry, folder)))
    return replace(resolved, entry=entry, folder=folder, encoding=encoding_of(resolved.base, made_with=made_with(entry, folder)))


def _vectors(opened: Opened) -> dict[str, Vectors]:
    """Return the vectors of each network, and of what is put together of them where that has vectors, in each role."""
    from ..encoders.protocol import is_searcher

    networks = opened.networks()
    parts = [*networks, *([] if is_searcher(opened) or opened in networks else [opened])]
    roles = get_args(Role)
    return {f"{number}, as {role}": part.encode(TEXTS, role).vectors for number, part in enumerate(parts) for role in roles}
