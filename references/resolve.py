"""What the user names -> its base, and how texts go into it: nothing is loaded.

An ensemble's members are found again where it was registered with them. They are references too, so that both stand here.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..base.encoding import BaseOptions, encoding_of
from ..base.metadata import FolderMetadata, read_metadata
from ..base.resolve import find_base, read_base, resolve_base
from ..base.spec import BaseSpec, EncodingSpec, ResolvedBase
from ..ensemble import INSIDE, Member, changed_member, read_recipe
from ..errors import AdapterError, AdaptError, BaseError
from ..registry import Entry, check_usable
from .first_use import check_first_use, check_members
from .locate import ADAPTER_CONFIG, locate_reference, locate_references
from .recorded_base import find_recorded_base
from .types import Located, Resolved, Search


def resolve_references(texts: Sequence[str], search: Search) -> list[Resolved]:
    """Find several references; `base` beside others is the base of the first of them, unless one was named.

    Raises:
        AdaptError: as `resolve_reference`.
    """
    located = dict(zip(texts, locate_references(texts, search), strict=True))  # before any base is looked for
    found = {text: resolve_located(place, search) for text, place in located.items() if text != "base"}
    if "base" in texts:
        others = list(found.values())
        found["base"] = _resolve_base(search) if search.base is not None or not others else base_of(others[0])
    return [found[text] for text in texts]


def resolve_reference(text: str, search: Search) -> Resolved:
    """Find what a reference names, and its base.

    Raises:
        UnknownReferenceError: it does not exist; the message lists what is known.
        BaseError: its base is not available, or is another than the one that was named.
        AdapterError: the folder is not an adapter, or a member of an ensemble is missing.
        HubError: it is not in the cache, and the Hub cannot be reached or does not have it.
    """
    return resolve_located(locate_reference(text, search), search)


def resolve_located(located: Located, search: Search) -> Resolved:
    """Find the base of what was located; raises as `resolve_reference`."""
    if located.folder is None:
        return _resolve_base(search)
    found = _of_folder(located.folder, search) if located.entry is None else _of_entry(located.entry, located.folder, search)
    if found.kind == "model":
        found = replace(found, base=replace(found.base, called=located.reference))
    return replace(found, reference=located.reference, notes=located.notes)


def of_base(spec: BaseSpec, encoding: EncodingSpec) -> Resolved:
    """Return the reference that a base is by itself, texts going in as `encoding` says; of a projection head, the base has its own or none."""
    own = replace(encoding, head=encoding_of(spec, BaseOptions(pooling=encoding.pooling)).head)
    return Resolved(reference="base", kind="base", base=spec, encoding=own, description=f"{spec.name}, as it is")


def base_of(resolved: Resolved) -> Resolved:
    """Return the base of a reference by itself, with which it is compared.

    Of an ensemble it is the first member's, and of a whole model the one that it was made from.

    Raises:
        BaseError: it is a whole model, and that base is not available.
    """
    if resolved.members:
        return base_of(resolved.members[0])
    if resolved.kind != "model":
        return of_base(resolved.base, resolved.encoding)
    entry, folder, search = resolved.entry, resolved.folder, resolved.search
    assert entry is not None
    assert folder is not None
    assert search is not None
    spec = find_recorded_base(entry.bases[0], entry.reference, search)
    return of_base(spec, encoding_of(spec, search.options, made_with(entry, folder)))


def _resolve_base(search: Search) -> Resolved:
    found = resolve_base(search.base, options=search.options)
    reason = found.spec.fallback_reason
    notes = (f"using the embedded base {found.spec.name}: {reason}",) if reason else ()
    return replace(of_base(found.spec, found.encoding), notes=notes)


def _of_folder(folder: Path, search: Search) -> Resolved:
    """Describe a folder that no registry wrote by what lies in it: a bare PEFT adapter, or a whole model."""
    if (folder / ADAPTER_CONFIG).is_file():
        return _of_peft_folder(folder, search)
    if (folder / "config.json").is_file():
        spec = read_base(folder, "path", None, search.options)
        return of_base(spec, encoding_of(spec, search.options))
    raise AdapterError(f"{folder} is neither an adapter nor a model: it holds no {ADAPTER_CONFIG} and no config.json")


def _of_entry(entry: Entry, folder: Path, search: Search) -> Resolved:
    check_usable(entry)
    if entry.kind == "ensemble":
        return _resolve_ensemble(entry, folder, search)
    if entry.kind == "model":
        return _resolve_model(entry, folder, search)
    base = find_recorded_base(entry.bases[0], entry.reference, search)
    encoding = encoding_of(base, search.options, made_with(entry, folder))
    if base.sha256 in entry.unchecked:
        entry = check_first_use(entry, folder, ResolvedBase(base, encoding), search.registry)
    description = f"{entry.what} {entry.reference} on {base.name}" + (f", domain {entry.domain}" if entry.domain else "")
    return Resolved(
        reference=entry.reference,
        kind=entry.kind,
        base=base,
        encoding=encoding,
        side=entry.side,
        folder=folder,
        entry=entry,
        description=description,
    )


def _resolve_model(entry: Entry, folder: Path, search: Search) -> Resolved:
    """Find a whole model, whose own folder is its network.

    Raises:
        BaseError: its weights are missing, or the base that the user named is neither its own network nor what it was made from.
    """
    own = read_base(folder, "path", None, search.options)
    if search.base is not None:
        named = find_base(search.base, options=search.options).sha256
        if named != own.sha256 and not entry.is_on(named):
            raise BaseError(
                f"{entry.reference} is a whole model made from {entry.base_labels}, and --base {search.base} is another; omit --base"
            )
        if named == own.sha256:
            search = replace(search, base=None)  # which says nothing of what it was made from
    made_from = f"{entry.what} {entry.reference}, made from {entry.base_labels}" + (f", domain {entry.domain}" if entry.domain else "")
    return Resolved(
        reference=entry.reference,
        kind=entry.kind,
        base=own,
        encoding=encoding_of(own, search.options, made_with(entry, folder)),
        folder=folder,
        entry=entry,
        description=made_from,
        search=search,
    )


def made_with(entry: Entry, folder: Path) -> FolderMetadata:
    """Return how texts went in when a version was made: pooling and prompts by its entry, the rest by its folder."""
    query, document = entry.prompts.get("query"), entry.prompts.get("document")
    return replace(read_metadata(folder), pooling=entry.pooling, query_prompt=query, document_prompt=document)  # type: ignore[arg-type]


def _of_peft_folder(folder: Path, search: Search) -> Resolved:
    from ..lora import read_config
    from ..registry.foreign import folder_side

    side = folder_side(folder)
    named = search.base or read_config(folder).get("base_model_name_or_path")
    if not named:
        raise BaseError(f"{folder / ADAPTER_CONFIG} names no base (base_model_name_or_path); name it with --base")
    found = resolve_base(named, options=search.options, made_with=read_metadata(folder))
    what = "adapter for queries alone" if side == "query" else "adapter"
    return Resolved(
        reference=str(folder),
        kind="adapter",
        base=found.spec,
        encoding=found.encoding,
        side=side,
        folder=folder,
        description=f"{what} {folder.name} on {found.spec.name}",
    )


def _resolve_ensemble(entry: Entry, folder: Path, search: Search) -> Resolved:
    """Find an ensemble and all its members, each on the base that was recorded for it.

    A base that the user named (`--base`) is taken for the members that lie on it; it must be the base of one.

    Raises:
        AdapterError: the recipe is damaged, or a member is missing or was made for another base.
        BaseError: the named base is none of the members', or one is not available.
    """
    recipe = read_recipe(folder)
    named = None if search.base is None else find_base(search.base, options=search.options).sha256
    if named is not None and all(base.sha256 != named for base in recipe.bases):
        bases = " and ".join(base.label for base in recipe.bases)
        raise BaseError(f"{entry.reference} was made for {bases}, and --base {search.base} has different weights; omit --base")
    members = tuple(_find_member(entry.reference, _inside(member, folder), search, named) for member in recipe.members)
    if entry.unchecked:
        entry = check_members(entry, members, search.registry)
    names = ", ".join(f"{member.weight:.4g} {member.reference}" for member in recipe.members)
    compared = f" (compared with {members[0].base.name})" if len(recipe.bases) > 1 else ""
    return Resolved(
        reference=entry.reference,
        kind="ensemble",
        side=recipe.side,
        base=members[0].base,
        encoding=members[0].encoding,
        folder=folder,
        entry=entry,
        description=f"{entry.what} {entry.reference}: {recipe.mode} of {names} on {' and '.join(base.label for base in recipe.bases)}{compared}",
        members=members,
        recipe=recipe,
    )


def _inside(member: Member, folder: Path) -> Member:
    """Return a member that lies in the ensemble's own folder (`./members/...`) by where that is."""
    return replace(member, reference=str(folder / member.reference)) if member.reference.startswith(INSIDE) else member


def _find_member(ensemble: str, member: Member, search: Search, named: str | None) -> Resolved:
    is_meant = named in (None, member.base.sha256)  # the options are meant for the base that is named
    asked = search.options if is_meant else replace(search.options, settings_of=None, pooling=None)
    options = asked if asked.settings_of is not None else _as_recorded(asked, member)
    at = replace(search, base=search.base if named is not None and is_meant else None, options=options)
    try:
        if (model := _find_model(member, replace(at, base=None))) is not None:
            found = model
        else:
            spec = find_recorded_base(member.base, member.reference, at)
            found = resolve_reference(member.reference, replace(at, base=str(spec.folder)))
    except AdaptError as e:
        raise AdapterError(f"{ensemble} needs its member {member.reference}, which is not available: {e}") from e
    if found.base.sha256 != member.base.sha256:
        raise changed_member(ensemble, member, found.base.sha256)
    return found


def _find_model(member: Member, search: Search) -> Resolved | None:
    """Find a member that is a whole model, which needs no base; None of any other member."""
    if member.reference == "base" or member.reference.startswith("hf:"):
        return None
    located = locate_reference(member.reference, search)
    return resolve_located(located, search) if located.entry is not None and located.entry.kind == "model" else None


def _as_recorded(asked: BaseOptions, member: Member) -> BaseOptions:
    """Fill what the user left open with what the ensemble was made with."""
    prompts = {f"{role}_prompt": text for role, text in member.prompts.items() if getattr(asked, f"{role}_prompt") is None}
    pooling, longest = asked.pooling or member.pooling, asked.max_tokens or member.max_tokens
    return replace(asked, pooling=pooling, max_tokens=longest, **prompts)  # type: ignore[arg-type]
