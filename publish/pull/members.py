"""The members of an ensemble that was fetched: inside its folder, or in repositories of their own, which are laid inside as well."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from ...ensemble import INSIDE, Member, changed_member, read_recipe, write_recipe
from ...errors import AdapterError
from ...events import Events
from ...hub.names import read_repository
from ...names import to_name
from ...references import Search
from ..folder import ENTRY
from .bases import base_here
from .contents import Recorded, read_recorded
from .fetched import fetched, find_commit
from .version import Version, check_parts, copy_files, with_place


@dataclass(frozen=True, slots=True, kw_only=True)
class _Inside:
    """A member of a repository of its own: where it was fetched, and where it goes."""

    source: Path
    place: str
    recorded: Recorded


def with_members(version: Version, folder: Path, where: Search, events: Events, stack: ExitStack) -> Version:
    """Return an ensemble whose members lie inside its folder.

    Args:
        version: The ensemble.
        folder: Where it was fetched.
        where: Where bases are looked for.
        events: What is told.
        stack: Holds the members' folders until they are copied.

    Raises:
        AdapterError: a member is not there, is another than the ensemble was made with, or is named by what only its maker's machine knows.
        HubError: its repository cannot be fetched.
    """
    recipe = read_recipe(folder)
    added: list[_Inside] = []
    members = [_take(member, number, folder, where, events, stack, added) for number, member in enumerate(recipe.members, start=1)]
    own = replace(recipe, members=tuple(members))

    def write(target: Path) -> None:
        version.write(target)
        for each in added:
            copy_files(each.source, target / each.place, (*each.recorded.files, ENTRY))
        if own != recipe:
            write_recipe(own, target)

    return replace(version, write=write)


def _take(member: Member, number: int, folder: Path, where: Search, events: Events, stack: ExitStack, added: list[_Inside]) -> Member:
    spec = base_here(replace(member.base, path=None), where if where.base is None else replace(where, base=None))
    placed = replace(member, base=with_place(replace(member.base, path=None), spec))
    if member.reference == "base":
        return placed
    if member.reference.startswith(INSIDE):
        name = member.reference.removeprefix(INSIDE)
        if not name or name != to_name(name, "") or read_recorded(folder / member.reference) is None:
            raise AdapterError(f"its member {member.reference} is not in it")
        _check(member, folder / member.reference, spec)
        return placed
    named = read_repository(member.reference) if member.reference.startswith("hf:") else None
    if named is None:
        raise AdapterError(
            f"it names its member {member.reference}, which only the machine knows where it was made; ask for one that was pushed with --bundle"
        )
    repo, revision = named
    found = stack.enter_context(fetched(repo, find_commit(repo, revision, events), events))
    recorded = read_recorded(found.folder, found.others)
    if recorded is None:
        return placed  # anybody's LoRA, which stays where it is and is opened from there
    _check(member, found.folder, spec)
    place = f"{INSIDE}{number}-{to_name(repo.partition('/')[2], 'member')}"
    added.append(_Inside(source=found.folder, place=place, recorded=recorded))
    return replace(placed, reference=place)


def _check(member: Member, folder: Path, spec: object) -> None:
    from ...lora import factors_sha256, read_lora

    recorded = read_recorded(folder)
    assert recorded is not None
    if recorded.entry.kind == "ensemble":
        raise AdapterError(f"its member {member.reference} is an ensemble itself, which none can be")
    check_parts(folder, recorded, [spec])  # type: ignore[list-item]
    sha256 = factors_sha256(read_lora(folder))
    if sha256 != member.sha256:
        raise changed_member("it", member, sha256)
