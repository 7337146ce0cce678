"""An ensemble's members: found again where it was registered with them, and recorded where it is made."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from .base.encoding import BaseOptions
from .base.resolve import find_base
from .ensemble import Member, Recipe, changed_member, read_recipe, share_weights
from .errors import AdapterError, AdaptError, BaseError
from .opening import content_sha256, read_factors
from .references import Resolved, Search, find_recorded_base, resolve_reference
from .registry import base_record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .registry import Entry, Registry


def resolve_ensemble(entry: Entry, folder: Path, search: Search) -> Resolved:
    """Find an ensemble and all its members, each on the base that was recorded for it.

    A base that the user named (`--base`) is taken for the members that lie on it; it must be the base of one.

    Raises:
        AdapterError: the recipe is damaged, or a member has gone or lies on another base now.
        BaseError: the named base is none of the members', or one is not to be had.
    """
    recipe = read_recipe(folder)
    named = None if search.base is None else find_base(search.base, options=search.options).sha256
    if named is not None and all(base.sha256 != named for base in recipe.bases):
        bases = " and ".join(base.label for base in recipe.bases)
        raise BaseError(f"{entry.reference} lies on {bases}, and --base {search.base} has other weights; leave --base out")
    members = tuple(_find_member(entry.reference, member, search, named) for member in recipe.members)
    names = ", ".join(f"{member.weight:.4g} {member.reference}" for member in recipe.members)
    held = f" (held against {members[0].base.name})" if len(recipe.bases) > 1 else ""
    return Resolved(
        reference=entry.reference,
        kind="ensemble",
        base=members[0].base,
        encoding=members[0].encoding,
        folder=folder,
        entry=entry,
        description=f"ensemble {entry.reference}: {recipe.mode} of {names} on {' and '.join(base.label for base in recipe.bases)}{held}",
        members=members,
        recipe=recipe,
    )


def _find_member(ensemble: str, member: Member, search: Search, named: str | None) -> Resolved:
    is_meant = named in (None, member.base.sha256)  # what the user says of a base is said of the named one
    said = search.options if is_meant else replace(search.options, lend_from=None, pooling=None)
    options = said if said.lend_from is not None else _as_recorded(said, member)
    at = replace(search, base=search.base if named is not None and is_meant else None, options=options)
    try:
        spec = find_recorded_base(member.base, member.reference, at)
        found = resolve_reference(member.reference, replace(at, base=str(spec.folder)))
    except AdaptError as e:
        raise AdapterError(f"{ensemble} needs its member {member.reference}, which is not to be had: {e}") from e
    if found.base.sha256 != member.base.sha256:
        raise changed_member(ensemble, member, found.base.sha256)
    return found


def _as_recorded(said: BaseOptions, member: Member) -> BaseOptions:
    """Fill what the user left open with what the ensemble was made with."""
    prompts = {f"{role}_prompt": text for role, text in member.prompts.items() if getattr(said, f"{role}_prompt") is None}
    pooling, longest = said.pooling or member.pooling, said.max_tokens or member.max_tokens
    return replace(said, pooling=pooling, max_tokens=longest, **prompts)  # type: ignore[arg-type]


def make_recipe(
    found: Sequence[Resolved], registry: Registry, *, mode: str, weights: Sequence[float] | None = None, dim: int | None = None
) -> Recipe:
    """Return the recipe of an ensemble of these; no network is loaded.

    Args:
        found: Its members.
        registry: Where members that are registered lie.
        mode: A key of `MODES`.
        weights: One each, on any scale; None: equal ones.
        dim: What PCA is to reduce the vectors to; None: no reduction.

    Raises:
        ConfigError: members, weights or dimension do not fit the mode.
        AdapterError: a member is an ensemble itself, or is damaged.
    """
    for resolved in found:
        if resolved.kind == "ensemble":
            raise AdapterError(f"{resolved.reference} is an ensemble, and ensembles do not nest; name its members instead")
    shares = share_weights(mode, weights, len(found))
    return Recipe(mode=mode, members=tuple(_as_member(*each, registry) for each in zip(found, shares, strict=True)), dim=dim)


def _as_member(resolved: Resolved, weight: float, registry: Registry) -> Member:
    spec, encoding = resolved.base, resolved.encoding
    return Member(
        reference=_lasting_reference(resolved, registry),
        sha256=content_sha256(spec, read_factors(resolved)),
        weight=weight,
        base=base_record(spec),
        pooling=encoding.pooling,
        prompts=encoding.prompts,
        max_tokens=encoding.longest(),
        dimension=spec.dimension,
    )


def _lasting_reference(resolved: Resolved, registry: Registry) -> str:
    """Return the version, the absolute path, or the Hub reference with the revision that lies here."""
    folder = resolved.base.folder if resolved.kind == "base" else resolved.folder
    assert folder is not None
    if resolved.reference == "base":
        return "base"
    if resolved.entry is not None and resolved.entry in registry.entries() and registry.folder(resolved.entry).samefile(folder):
        return resolved.entry.reference
    if resolved.reference.startswith("hf:"):
        repo = resolved.reference.partition("@")[0]
        return f"{repo}@{folder.name}" if folder.parent.name == "snapshots" else resolved.reference
    return str(Path(folder).resolve())
