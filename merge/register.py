"""A merge's folder and its entry in the registry: peft and sentence-transformers load it as they load a trained adapter."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from ..base.sentence_files import write_json
from ..errors import ConfigError, unknown_name
from ..lora import STORE_DTYPES, StoreDtype, largest_rank, write_adapter
from ..registry import BaseRecord, Entry, ParentRecord, Registry
from ..registry.router_folder import write_routes
from ..registry.search_file import SEARCH
from ..versions import library_versions
from .merge import MergeConfig, MergeResult
from .parents import Parent, own_biases
from .reading import write_reading


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeRecord:
    """What is said of a merge beside its weights.

    Attributes:
        name: Its name in the registry.
        domain: What it is for; None where nobody said and its parents differ.
        store: Number format of the saved factors.
        search: What a search for weights decided and saw, whole, for `search.json`; None without one.
    """

    name: str
    domain: str | None
    store: StoreDtype = "fp16"
    search: dict | None = None

    def __post_init__(self) -> None:
        if self.store not in get_args(StoreDtype):
            raise ConfigError(unknown_name("store", self.store, get_args(StoreDtype)))


def register_merge(registry: Registry, parents: Sequence[Parent], config: MergeConfig, result: MergeResult, record: MergeRecord) -> Entry:
    """Write a merge's folder and enter it into the registry as a new version.

    Raises:
        RegistryError: the registry cannot be written.
        BaseError: no parent carries a tokenizer, and the base that has it is not at hand.
    """
    first = next(parent for parent in parents if parent.folder is not None)
    base = lasting_base(parents)
    weights = config.resolved_weights(len(parents))
    decided = config.as_dict() | {
        "energy_kept": result.energy,
        "store": record.store,
        "libraries": library_versions("torch", "safetensors"),
    }
    draft = Entry(
        kind="merge",
        side=parents[0].side,
        name=record.name,
        domain=record.domain,
        bases=(base,),
        pooling=first.pooling,
        prompts=first.prompts,
        method=config.method,
        rank=largest_rank(result.factors),
        targets=tuple(sorted({name.split(".")[-1] for name in result.factors})),
        parents=tuple(
            ParentRecord(reference=parent.reference, sha256=sha256, weight=weight)
            for parent, sha256, weight in zip(parents, result.parent_sha256, weights, strict=True)
        ),
        config=decided | _of_vectors(parents) | ({"search": _summary(record.search)} if record.search else {}),
        seed=config.settings.seed,
    )
    return registry.add(draft, lambda folder: write_merge(folder, parents, result, record))


def write_merge(folder: Path, parents: Sequence[Parent], result: MergeResult, record: MergeRecord) -> None:
    """Write everything of a merge but the registry's own record; the same merge gives the same bytes."""
    write_reading(folder, parents, lasting_base(parents))
    own, loading_name = own_biases(parents, result.factors), lasting_base(parents).loading_name
    write_adapter(result.factors, folder, *loading_name, dtype=STORE_DTYPES[record.store], own=own)
    write_json(folder / "energy.json", {"energy": result.energy, "modules": result.energy_by_module})
    if parents[0].side == "query":
        write_routes(folder)
    if record.search:
        write_json(folder / SEARCH, record.search)


def _of_vectors(parents: Sequence[Parent]) -> dict[str, object]:
    """Return the width of a head that the parents share, and for how many numbers all of them were trained; nothing where there is neither."""
    adapters = [parent for parent in parents if parent.folder is not None]
    head = adapters[0].tokenizing.head if adapters[0].tokenizing else None
    trained = [set(parent.located.entry.dims) if parent.located.entry else set[int]() for parent in adapters]
    dims = sorted(set.intersection(*trained), reverse=True)
    return ({} if head is None else {"head": head.width}) | ({"dims": dims} if dims else {})


def lasting_base(parents: Sequence[Parent]) -> BaseRecord:
    """Return the parents' one base as the parent recorded it by whose record it can still be found; the first one's where none can."""
    records = [parent.base for parent in parents if parent.folder is not None]
    return next((record for record in records if record.is_there), records[0])


def _summary(search: dict) -> dict:
    """Return what the entry says of a search; the rest lies in `search.json`."""
    return {key: search[key] for key in ("sources", "score", "better_alone", "shortfalls", "domains", "general", "settings")} | {
        "measured": len(search["evaluations"])
    }
