"""Take in an adapter that was made elsewhere: any PEFT LoRA folder whose factors fit a base that is available."""

import shutil
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from torch import nn

from ..base.load import Base, load_base
from ..base.metadata import read_metadata
from ..base.outline import build_outline
from ..base.places import is_cached
from ..base.resolve import BaseOptions, resolve_base
from ..base.router import ROUTER
from ..base.sentence_files import write_json, write_sentence_files
from ..base.spec import BaseSpec, ResolvedBase
from ..choices import Side
from ..errors import AdapterError, BaseError, RegistryError
from ..lora import CONFIG, LoraFactors, LoraFile, factors_sha256, find_wrapper, ignored_values, is_bias, largest_rank, read_config
from .entry import Entry
from .index import ENTRY
from .records import DataRecord, HubRecord, base_record
from .router_folder import check_routes, write_routes
from .store import Registry
from .stored import read_entry
from .usable import check_usable

_LEFT_BEHIND = shutil.ignore_patterns(".*", "__pycache__", "checkpoint-*", ENTRY)


@dataclass(frozen=True, slots=True)
class Addition:
    """What was registered, and what the user should know of it."""

    entry: Entry
    folder: Path
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON can hold it."""
        return {
            "reference": self.entry.reference,
            "path": str(self.folder),
            "size": self.entry.size,
            "base": asdict(self.entry.bases[0]),
            "notes": list(self.notes),
        }


def add_folder(
    registry: Registry,
    folder: Path,
    *,
    name: str | None,
    domain: str | None,
    base_reference: str | None,
    options: BaseOptions,
    ignored: Collection[str] = (),
    source: str = "added from a folder",
    hub: tuple[HubRecord, ...] = (),
    side: Side | None = None,
) -> Addition:
    """Copy a PEFT LoRA folder into the registry (without hidden files, training checkpoints and another registry's entry).

    Pooling, prompts, lengths and tokenizer are written again as adapt understood them, so that sentence-transformers gives the same vectors.
    Where the base lay in a wrapper, or fields are ignored, the tensors and the configuration are written again, as peft reads them on
    the base itself.
    The copy's `adapter_config.json` names the base that was found, so that peft and sentence-transformers find it too.

    Args:
        registry: Where it goes.
        folder: A folder with `adapter_config.json` and `adapter_model.safetensors`.
        name: Its name; None: the folder's.
        domain: What it was made for, where that is known.
        base_reference: Its base; None: the one its configuration names.
        options: What the user states of the base beside its name.
        ignored: Fields of its configuration that adapt does not know, of which the user says that they change nothing.
        source: Where it comes from, as the record of its data says.
        hub: Where it lies on the Hub.
        side: Which texts it changes; None: what the folder says, and both where it says nothing.

    Raises:
        AdapterError: the folder is damaged, its factors do not fit the base, or it is for queries alone and asked for both.
        BaseError: the base is not named, or not available.
        RegistryError: the registry refuses.
    """
    own = _own_entry(folder)
    side = _side(folder, own, side)
    file, config = LoraFile(folder, ignored=ignored), read_config(folder)
    named = config.get("base_model_name_or_path")
    found = _find_base(folder, named, base_reference, options)
    _refuse_another_base(folder, own, found.spec)
    base = load_base(found)
    spec = base.spec
    file = fit_to_network(file, base.model, spec.name)
    factors, left_out = dict(file), ignored_values(config, ignored)
    ignoring = [f"the field {field}={value!r} of {CONFIG} is left out, as --ignore-field says" for field, value in left_out.items()]
    draft = Entry(
        kind="adapter",
        side=side,
        name=name or folder.resolve().name,
        domain=domain,
        bases=(base_record(spec),),
        pooling=base.encoding.pooling,
        prompts=base.encoding.prompts,
        method="lora",
        rank=largest_rank(factors),
        targets=_targets(config, factors),
        config={} if base.head is None else {"head": base.head.width},
        data=DataRecord(source=source, notes=(f"made elsewhere; factors sha256 {factors_sha256(factors)}", *ignoring)),
        hub=hub,
    )
    entry = registry.add(draft, lambda target: _copy(file, target, base, side))
    return Addition(entry, registry.folder(entry), (*_notes(folder, named, base_reference, spec), *ignoring))


def _side(folder: Path, own: Entry | None, asked: Side | None) -> Side:
    """Return which texts a folder's adapter changes: as the user says, as its entry states, as its routes state."""
    routes = folder_side(folder)
    if asked == "both" and routes == "query":
        raise AdapterError(f"{folder} is an adapter for queries alone, as its {ROUTER} says; leave --side both out")
    return asked or (own.side if own else routes)


def folder_side(folder: Path) -> Side:
    """Return which texts an adapter's folder changes, as its routes for sentence-transformers say.

    Raises:
        AdapterError: it has a LoRA for queries and another for documents.
        BaseError: its routes are others than adapt writes.
    """
    side = read_metadata(folder).side
    if side == "query":
        check_routes(folder)
    return side


def _find_base(folder: Path, named: str | None, reference: str | None, options: BaseOptions) -> ResolvedBase:
    if not (reference or named):
        raise BaseError(f"{folder / 'adapter_config.json'} names no base; say it with --base")
    try:
        return resolve_base(reference or named, options=options, made_with=read_metadata(folder))
    except BaseError as e:
        if reference:
            raise
        raise BaseError(f"{folder} was made for {named!r}, which is not available ({e}); name its base with --base") from e


def _own_entry(folder: Path) -> Entry | None:
    """Return a version's own record; None of a folder that no registry wrote.

    Raises:
        AdapterError: the record is damaged, or of something that this version of adapt cannot use.
    """
    if not (folder / ENTRY).is_file():
        return None
    try:
        entry = read_entry(folder / ENTRY)
    except RegistryError as e:
        raise AdapterError(f"{folder / ENTRY} cannot be read: {e}") from e
    check_usable(entry)
    return entry


def _refuse_another_base(folder: Path, own: Entry | None, spec: BaseSpec) -> None:
    """Hold the base against the fingerprint that a version's own record states, which decides where another base has the same shapes.

    Raises:
        BaseError: it is another one.
    """
    if own is None:
        return
    recorded = own.bases[0].sha256
    if recorded != spec.sha256:
        raise BaseError(
            f"{folder} was made for a base with weights of sha256 {recorded[:12]}..., and {spec.name} has {spec.sha256[:12]}...; "
            "name the base that it was made for with --base"
        )


def fit_to_base(file: LoraFile, spec: BaseSpec) -> LoraFile:
    """Check a folder that no registry wrote against its base, of which the configuration alone is read; as `fit_to_network`."""
    return fit_to_network(file, build_outline(spec.folder), spec.name)


def fit_to_network(file: LoraFile, network: nn.Module, base_name: str) -> LoraFile:
    """Name an adapter's modules as the base does, and hold the shapes of their factors against it.

    Args:
        file: The adapter; the names of its modules may have a wrapper's (`bert.`) before them.
        network: The base's; it may be without weights.
        base_name: The base, for the message.

    Returns:
        The adapter under the base's names.

    Raises:
        AdapterError: a factor changes a module that the base does not have, or has in another shape or of another kind.
    """
    modules = dict(network.named_modules())
    linears = {name: (module.out_features, module.in_features) for name, module in modules.items() if isinstance(module, nn.Linear)}
    biases = {name: (len(parameter), 1) for name, parameter in network.named_parameters() if is_bias(name)}
    shapes = linears | biases
    named = file.shapes | file.matrices  # the module with factors of zero has to be there too, for peft
    wrapper = find_wrapper(named, shapes)
    if wrapper is None:
        name = _stranger(named, shapes)
        kind = "has no such bias" if is_bias(name) else "has no such linear module"
        raise _misfit(
            file, name, base_name, f"has it as {type(modules[name]).__name__}, not as a linear module" if name in modules else kind
        )
    file = file.without_wrapper(wrapper)
    for name, shape in (file.shapes | file.matrices).items():
        if shapes[name] != shape:
            raise _misfit(file, name, base_name, f"has it as {shapes[name]}")
    return file


def _stranger(names: Mapping[str, object], linears: Collection[str]) -> str:
    """Return the module that is least of all the base's: whatever is taken off its name, or else as it is called."""
    tails = {name: [name.split(".", count)[-1] for count in range(name.count(".") + 1)] for name in names}
    unknown = [name for name in names if not any(tail in linears for tail in tails[name])]
    return next(iter(unknown), None) or next(name for name in names if name not in linears)


def _misfit(file: LoraFile, name: str, base_name: str, what: str) -> AdapterError:
    return AdapterError(
        f"{file.folder} changes {name} {(file.shapes | file.matrices)[name]}, and {base_name} {what}; it was made for another base: name that with --base"
    )


def _notes(folder: Path, named: str | None, reference: str | None, spec: BaseSpec) -> tuple[str, ...]:
    written = base_record(spec).loading_name[0]
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


def _targets(config: dict, factors: LoraFactors) -> tuple[str, ...]:
    targets = config.get("target_modules")
    return tuple(sorted(targets if isinstance(targets, list) else factors))


def _copy(file: LoraFile, target: Path, base: Base, side: Side) -> None:
    # copyfile, not copy2: a read-only source must not give a version that cannot be removed.
    shutil.copytree(file.folder, target, ignore=_LEFT_BEHIND, copy_function=shutil.copyfile, dirs_exist_ok=True)
    write_sentence_files(base, target)
    if not file.is_plain:
        file.write_plain(target)
    _name_base(target, base.spec)
    if side == "query":
        write_routes(target)


def _name_base(target: Path, spec: BaseSpec) -> None:
    """Let the copied configuration name the base by what finds it from everywhere; its other fields stay as they are."""
    config = read_config(target)
    name, revision = base_record(spec).loading_name
    if (config.get("base_model_name_or_path"), config.get("revision")) != (name, revision):
        write_json(target / CONFIG, config | {"base_model_name_or_path": name, "revision": revision})
