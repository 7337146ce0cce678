"""The members of an ensemble that was fetched: inside its folder, or in repositories of their own, which are laid inside as well."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from ...base.head import joined_sha256
from ...base.metadata import read_metadata
from ...base.spec import BaseSpec
from ...ensemble import INSIDE, Member, changed_member, read_recipe, write_recipe
from ...errors import AdapterError
from ...events import Events
from ...hub.names import read_repository
from ...names import to_name
from ...references import Search
from ..bases import base_here
from ..folder import ENTRY
from .contents import Recorded, read_recorded
from .fetched import Fetched, fetched, find_commit
from .version import Version, check_parts, copy_files, with_place


@dataclass(frozen=True, slots=True, kw_only=True)
class _Members:
    """Where members are looked for, and those that are laid inside: place in the ensemble's folder -> where it was fetched, and its files.

    Attributes:
        ensemble: What was fetched.
        where: Where bases are looked for.
        events: What is told.
        stack: Holds the folders of repositories until they are copied.
        added: Filled by `take`.
    """

    ensemble: Fetched
    where: Search
    events: Events
    stack: ExitStack
    added: dict[str, tuple[Path, Recorded]] = field(default_factory=dict)

    def take(self, member: Member, number: int) -> Member:
        """Return a member as the recipe here names it, checked."""
        record = replace(member.base, path=None)
        spec = base_here(record, replace(self.where, base=None))
        placed = replace(member, base=with_place(record, spec))
        if member.reference == "base":
            return placed
        if member.reference.startswith(INSIDE):
            _check(member, self.ensemble.folder / member.reference, self._inside(member), spec)
            return placed
        return self._from_repository(placed, number, spec)

    def _inside(self, member: Member) -> Recorded:
        name, prefix = member.reference.removeprefix(INSIDE), member.reference.removeprefix("./") + "/"
        others = tuple(path.removeprefix(prefix) for path in self.ensemble.others if path.startswith(prefix))
        is_name = bool(name) and name == to_name(name, "")
        recorded = read_recorded(self.ensemble.folder / member.reference, others) if is_name else None
        if recorded is None:
            raise AdapterError(f"its member {member.reference} is not in it")
        return recorded

    def _from_repository(self, member: Member, number: int, spec: BaseSpec | None) -> Member:
        named = read_repository(member.reference) if member.reference.startswith("hf:") else None
        if named is None:
            raise AdapterError(
                f"it names its member {member.reference}, which only the machine knows where it was made; ask for one that was pushed "
                "with --bundle"
            )
        repo, revision = named
        found = self.stack.enter_context(fetched(repo, find_commit(repo, revision, self.events), self.events))
        recorded = read_recorded(found.folder, found.others)
        if recorded is None:
            return member  # anybody's LoRA, which stays where it is and is opened from there
        _check(member, found.folder, recorded, spec)
        place = f"{INSIDE}{number}-{to_name(repo.partition('/')[2], 'member')}"
        self.added[place] = (found.folder, recorded)
        return replace(member, reference=place)


def with_members(version: Version, found: Fetched, where: Search, events: Events, stack: ExitStack) -> Version:
    """Return an ensemble whose members lie inside its folder.

    Args:
        version: The ensemble.
        found: What was fetched of it.
        where: Where bases are looked for.
        events: What is told.
        stack: Holds the members' folders until they are copied.

    Raises:
        AdapterError: a member is not there, is another than the ensemble was made with, or is named by what only its maker's machine knows.
        HubError: its repository cannot be fetched.
    """
    from ...ensemble.register import read_projection

    recipe, members = read_recipe(found.folder), _Members(ensemble=found, where=where, events=events, stack=stack)
    read_projection(found.folder, recipe)
    if {base.sha256 for base in recipe.bases} != {base.sha256 for base in version.draft.bases}:
        raise AdapterError("its record and its recipe name different bases")
    own = replace(recipe, members=tuple(members.take(member, number) for number, member in enumerate(recipe.members, start=1)))

    def write(target: Path) -> None:
        version.write(target)
        for place, (source, recorded) in members.added.items():
            copy_files(source, target / place, (*recorded.files, ENTRY))
        if own != recipe:
            write_recipe(own, target)

    return replace(version, write=write)


def _check(member: Member, folder: Path, recorded: Recorded, spec: BaseSpec | None) -> None:
    from ...lora import factors_sha256, read_lora

    if recorded.entry.kind == "ensemble":
        raise AdapterError(f"its member {member.reference} is an ensemble itself, which none can be")
    check_parts(folder, recorded, [spec])
    head = read_metadata(folder).head
    sha256 = joined_sha256(factors_sha256(read_lora(folder)), None if head is None else head.load())
    if sha256 != member.sha256:
        raise changed_member("it", member, sha256)
