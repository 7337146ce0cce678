"""A PEFT LoRA that adapt did not push -> a version: as `adapt add` takes it in where its base is here, else unchecked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...base.known import find_known
from ...base.metadata import read_metadata
from ...base.places import find_here
from ...disk import files_in
from ...errors import BaseError
from ...events import Events
from ...hub.names import read_repository
from ...references import Search
from ...registry import DataRecord, Entry, HubRecord, Registry
from ..bases import unseen_base
from .contents import check_factors
from .fetched import Fetched
from .version import Version, copy_files, name_base, refuse_unseen

if TYPE_CHECKING:
    from ...registry.foreign import Addition


def add_foreign(registry: Registry, found: Fetched, name: str, hub: HubRecord, where: Search, *, strict: bool, events: Events) -> Addition:
    """Register anybody's PEFT LoRA.

    Raises:
        AdapterError: it is damaged, of a kind that cannot be used, or does not fit its base.
        BaseError: it names no base; with `strict`, its base is not here.
    """
    from ...registry.foreign import Addition, add_folder

    check_factors(found.folder)
    source = hub.reference
    if where.base is None and not _is_here(named := _base_name(found.folder)):
        version = _unchecked(found, name, source, named, strict, events)
        entry = registry.add(version.draft.with_hub(hub), version.write)
        return Addition(entry, registry.folder(entry), version.notes)
    return add_folder(
        registry, found.folder, name=name, domain=None, base_reference=where.base, options=where.options, source=source, hub=(hub,)
    )


def _base_name(folder: Path) -> str:
    from ...lora import read_config

    named = read_config(folder).get("base_model_name_or_path")
    if not isinstance(named, str) or read_repository(named) is None:
        raise BaseError(f"it names its base as {named!r}, which is not a repository of the Hub; name its base with --base")
    return named


def _is_here(named: str) -> bool:
    return find_here(named, find_known(hub_id=named)) is not None


def _unchecked(found: Fetched, name: str, source: str, named: str, strict: bool, events: Events) -> Version:
    from ...lora import LoraFile, factors_sha256, largest_rank
    from ...registry.foreign import folder_side

    record = unseen_base(named, events)
    refuse_unseen([record], strict=strict)
    factors, stated = dict(LoraFile(found.folder)), read_metadata(found.folder)
    prompts = {"query": stated.query_prompt, "document": stated.document_prompt}
    draft = Entry(
        kind="adapter",
        side=folder_side(found.folder),
        name=name,
        bases=(record,),
        pooling=stated.pooling,
        prompts={role: text for role, text in prompts.items() if text is not None},
        method="lora",
        rank=largest_rank(factors),
        targets=tuple(sorted(factors)),
        config={} if stated.head is None else {"head": stated.head.width},
        data=DataRecord(source=source, notes=(f"made elsewhere; factors sha256 {factors_sha256(factors)}",)),
        unchecked=(record.sha256,),
    )
    files = list(files_in(found.folder))

    def write(target: Path) -> None:
        copy_files(found.folder, target, files)
        name_base(target, record)

    return Version(draft=draft, write=write)
