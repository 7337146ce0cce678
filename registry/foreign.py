"""Take in an adapter that was made elsewhere: any PEFT LoRA folder whose factors fit a base that is at hand."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import torch

from ..base.load import Base, load_base
from ..base.metadata import read_metadata
from ..base.places import is_cached
from ..base.resolve import BaseOptions, BaseSpec, resolve_base
from ..base.sentence_files import write_json, write_sentence_files
from ..errors import AdapterError, BaseError
from ..lora import CONFIG, LoraFactors, factors_sha256, read_config, read_lora
from .entry import Entry, base_record, named_base
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
    The copy's `adapter_config.json` names the base that was found, so that peft and sentence-transformers find it too.

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
    written = named_base(base_record(spec))[0]
    notes = []
    if named and named != written:
        how = f"recorded on {spec.name}, as --base says; " if reference not in (None, named) else ""
        notes.append(f"{folder} names the base {named!r}; {how}{CONFIG} of the registered version names {written!r}")
    if spec.hub_id and not is_cached(spec.hub_id, spec.revision):
        way = f", unless it is put there: adapt base link {spec.folder} --as {spec.alias}" if spec.alias else ""
        notes.append(
            f"{spec.hub_id} is not in the Hugging Face cache at its revisions main and {spec.revision}: "
            f"peft and sentence-transformers need the Hub to load this version{way}"
        )
    return tuple(notes)


def _targets(config: dict, factors: LoraFactors) -> list[str]:
    targets = config.get("target_modules")
    return sorted(targets) if isinstance(targets, list) else sorted(factors)


def _copy(folder: Path, target: Path, base: Base) -> None:
    # copyfile, not copy2: a read-only source must not give a version that cannot be removed.
    shutil.copytree(folder, target, ignore=_LEFT_BEHIND, copy_function=shutil.copyfile, dirs_exist_ok=True)
    write_sentence_files(base, target)
    _name_base(target, base.spec)


def _name_base(target: Path, spec: BaseSpec) -> None:
    """Let the copied configuration name the base by what finds it from everywhere; its other fields stay as they are."""
    config = read_config(target)
    name, revision = named_base(base_record(spec))
    if (config.get("base_model_name_or_path"), config.get("revision")) != (name, revision):
        write_json(target / CONFIG, config | {"base_model_name_or_path": name, "revision": revision})
