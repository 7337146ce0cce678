"""Take in an adapter that was made elsewhere: any PEFT LoRA folder whose factors fit a base that is at hand."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import torch

from ..base.load import Base, load_base
from ..base.metadata import read_metadata
from ..base.resolve import BaseOptions, BaseSpec, resolve_base
from ..base.sentence_files import write_sentence_files
from ..errors import AdapterError, BaseError
from ..lora import LoraFactors, factors_sha256, read_config, read_lora
from .entry import Entry, base_record
from .index import ENTRY
from .store import Registry

_LEFT_BEHIND = shutil.ignore_patterns(".*", "__pycache__", "checkpoint-*", ENTRY)


@dataclass(frozen=True, slots=True)
class Addition:
    """What was registered, and what the user should know of it."""

    entry: Entry
    notes: tuple[str, ...]


def add_folder(
    registry: Registry,
    folder: Path,
    *,
    name: str | None,
    domain: str | None,
    base_reference: str | None,
    options: BaseOptions,
) -> Addition:
    """Copy a PEFT LoRA folder into the registry (without hidden files, training checkpoints and another registry's entry).

    Pooling, prompts, lengths and tokenizer are written anew as adapt understood them, so that sentence-transformers gives the same vectors.

    Args:
        registry: Where it goes.
        folder: A folder with `adapter_config.json` and `adapter_model.safetensors`.
        name: Its name; None: the folder's.
        domain: What it was made for, where that is known.
        base_reference: Its base; None: the one its configuration names.
        options: What is said of the base beside its name.

    Raises:
        AdapterError: the folder is damaged, or its factors do not fit the base.
        BaseError: the base is not named, or not to be had.
        RegistryError: the registry refuses.
    """
    factors, config = read_lora(folder), read_config(folder)
    named = config.get("base_model_name_or_path")
    base = load_base(_find_base(folder, named, base_reference, options))
    spec = base.spec
    check_fit(factors, base)
    draft = Entry(
        kind="adapter",
        name=name or folder.resolve().name,
        domain=domain,
        base=base_record(spec),
        pooling=spec.pooling,
        prompts={"query": spec.query_prompt, "document": spec.document_prompt},
        method="lora",
        rank=max(module.rank for module in factors.values()),
        targets=_targets(config, factors),
        data={"source": "added from a folder", "notes": [f"made elsewhere; factors sha256 {factors_sha256(factors)}"]},
    )
    entry = registry.add(draft, lambda target: _copy(folder, target, base))
    return Addition(entry, _notes(folder, named, base_reference, spec))


def _find_base(folder: Path, named: str | None, reference: str | None, options: BaseOptions) -> BaseSpec:
    if not (reference or named):
        raise BaseError(f"{folder / 'adapter_config.json'} names no base; say it with --base")
    try:
        return resolve_base(reference or named, options=options, made_with=read_metadata(folder))
    except BaseError as e:
        if reference:
            raise
        raise BaseError(f"{folder} was made for {named!r}, which is not at hand ({e}); name its base with --base") from e


def check_fit(factors: LoraFactors, base: Base) -> None:
    """Hold the shapes of all factors against the base's modules.

    Raises:
        AdapterError: a factor changes a module that the base does not have, or has in another shape.
    """
    linear = {name: module for name, module in base.model.named_modules() if isinstance(module, torch.nn.Linear)}
    for name, module in factors.items():
        shape = (module.b.shape[0], module.a.shape[1])
        there = tuple(linear[name].weight.shape) if name in linear else None
        if there != shape:
            have = f"has it as {there}" if there else "has no such linear module"
            raise AdapterError(
                f"the adapter changes {name} {shape}, and {base.spec.name} {have}; it was made for another base: name that with --base"
            )


def _notes(folder: Path, named: str | None, reference: str | None, spec: BaseSpec) -> tuple[str, ...]:
    if reference is None or not named or named in (spec.hub_id, reference):
        return ()
    return (f"{folder} names the base {named!r}; recorded on {spec.name}, as --base says",)


def _targets(config: dict, factors: LoraFactors) -> list[str]:
    targets = config.get("target_modules")
    return sorted(targets) if isinstance(targets, list) else sorted(factors)


def _copy(folder: Path, target: Path, base: Base) -> None:
    # copyfile, not copy2: a read-only source must not give a version that cannot be removed.
    shutil.copytree(folder, target, ignore=_LEFT_BEHIND, copy_function=shutil.copyfile, dirs_exist_ok=True)
    write_sentence_files(base, target)
