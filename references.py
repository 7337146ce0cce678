"""What the user names -> an Encoder: first a folder and its base (nothing is loaded), then vectors.

A reference is `base`, `NAME`, `NAME@VERSION`, `NAME@ALIAS`, a folder's path (with a separator in it, or `.` or `~` before it), or
`hf:OWNER/REPO[@REVISION]`.
"""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from .base.encoding import BaseOptions, encoding_of
from .base.fingerprint import fingerprint
from .base.hub_probe import hub_endpoint, hub_is_reachable
from .base.metadata import read_metadata
from .base.resolve import find_base, read_base, resolve_base
from .base.spec import BaseSpec, EncodingSpec
from .ensemble import Recipe, find_mode
from .errors import AdapterError, BaseError, HubError, RegistryError, UnknownReferenceError
from .files import near_files
from .opening import EncoderSettings, LoadedBases, check_has_vectors, check_length, open_encoder, open_reference
from .registry import BaseRecord, Entry, Registry, check_usable, split_reference
from .registry import read_entry as read_entry_file

__all__ = [
    "LOCATORS",
    "EncoderSettings",
    "LoadedBases",
    "Located",
    "Resolved",
    "Search",
    "check_has_vectors",
    "check_length",
    "fetch_snapshot",
    "locate_reference",
    "of_base",
    "open_encoder",
    "open_reference",
    "read_entry",
    "resolve_reference",
    "resolve_references",
]
ENTRY_FILE = "adapt.json"
_ADAPTER_CONFIG = "adapter_config.json"
_DOWNLOAD = ["*.json", "*.txt", "*.model", "*.safetensors"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A reference that was found.

    Attributes:
        reference: Its full name: with the version, or the path.
        kind: What it is, a key of `OPENERS`.
        base: The base that it lies on; the first member's, for an ensemble.
        encoding: How texts go into that base.
        folder: Where its weights, or its recipe, are; None for a base.
        entry: What the registry, or the folder's own `adapt.json`, knows of it.
        description: One line for people.
        notes: What was chosen on the user's behalf, to be told.
        members: Of an ensemble, in the order of its recipe.
        recipe: Of an ensemble; None for what has weights of its own.
    """

    reference: str
    kind: str
    base: BaseSpec
    encoding: EncodingSpec
    folder: Path | None = None
    entry: Entry | None = None
    description: str
    notes: tuple[str, ...] = ()
    members: tuple["Resolved", ...] = ()
    recipe: Recipe | None = None

    @property
    def has_vectors(self) -> bool:
        """Whether texts get vectors; an ensemble that ranks has none."""
        return self.recipe is None or find_mode(self.recipe.mode).has_vectors

    @property
    def bases(self) -> tuple[BaseSpec, ...]:
        """The base, or the different bases of an ensemble's members."""
        return tuple({member.base.sha256: member.base for member in self.members}.values()) or (self.base,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """Where the weights that a reference names lie.

    Attributes:
        reference: Its full name: with the version, or as the user wrote it.
        folder: None for `base`.
        entry: What the registry, or the folder's own `adapt.json`, knows of it.
        notes: What was chosen on the user's behalf, to be told.
    """

    reference: str
    folder: Path | None = None
    entry: Entry | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Where references are looked for. `base` is what the user named with `--base`, or None."""

    registry: Registry
    base: str | None = None
    options: BaseOptions = field(default_factory=BaseOptions)


def resolve_references(texts: Sequence[str], search: Search) -> list[Resolved]:
    """Find several references; `base` beside others is the base of the first of them, unless one was named.

    Raises:
        AdaptError: as `resolve_reference`.
    """
    for text in texts:  # a name that names nothing is refused before any base is looked for
        if _way_of_naming(text) == "name":
            locate_reference(text, search)
    found = {text: resolve_reference(text, search) for text in texts if text != "base"}
    if "base" in texts:
        others = list(found.values())
        found["base"] = _resolve_base(search) if search.base is not None or not others else of_base(others[0].base, others[0].encoding)
    return [found[text] for text in texts]


def locate_reference(text: str, search: Search) -> Located:
    """Find where a reference's weights lie, without asking for its base.

    Raises:
        UnknownReferenceError: it names nothing; the message lists what is known.
        HubError: it is not in the cache, and the Hub cannot be reached or does not have it.
    """
    return LOCATORS[_way_of_naming(text)](text, search)


def resolve_reference(text: str, search: Search) -> Resolved:
    """Find what a reference names, and its base.

    Raises:
        UnknownReferenceError: it names nothing; the message lists what is known.
        BaseError: its base is not to be had, or is another than the one that was named.
        AdapterError: the folder is no adapter, or an ensemble's member has gone.
        HubError: it is not in the cache, and the Hub cannot be reached or does not have it.
    """
    located = locate_reference(text, search)
    if located.folder is None:
        return _resolve_base(search)
    found = _of_folder(located.folder, search) if located.entry is None else _of_entry(located.entry, located.folder, search)
    return replace(found, reference=located.reference, notes=located.notes)


def of_base(spec: BaseSpec, encoding: EncodingSpec) -> Resolved:
    """Return the reference that a base is by itself, texts going in as `encoding` says."""
    return Resolved(reference="base", kind="base", base=spec, encoding=encoding, description=f"{spec.name}, as it is")


def _way_of_naming(text: str) -> str:
    if text == "base":
        return "base"
    if text.startswith("hf:"):
        return "hf"
    is_path = "/" in text or os.sep in text or text.startswith((".", "~"))
    return "folder" if is_path else "name"


def _resolve_base(search: Search) -> Resolved:
    found = resolve_base(search.base, options=search.options)
    reason = found.spec.fallback_reason
    notes = (f"using the embedded base {found.spec.name}: {reason}",) if reason else ()
    return replace(of_base(found.spec, found.encoding), notes=notes)


def _locate_base(text: str, _search: Search) -> Located:
    return Located(reference=text)


def _locate_name(text: str, search: Search) -> Located:
    name, version = text.partition("@")[0], None
    try:
        if name == "base":
            raise UnknownReferenceError("base has no versions; name a base with --base")
        name, version = split_reference(text)
        wanted = None if search.base is None else find_base(search.base, options=search.options).sha256
        entry = search.registry.find(name, version, wanted)
    except (UnknownReferenceError, RegistryError) as e:
        if Path(text).is_dir():
            raise UnknownReferenceError(f"{e}; a folder of that name is here: to use it, write .{os.sep}{text}") from e
        raise
    folder, notes = search.registry.folder(entry), _tell_choice(entry, version, search.registry)
    return Located(reference=entry.reference, folder=folder, entry=entry, notes=notes)


def _tell_choice(entry: Entry, version: str | None, registry: Registry) -> tuple[str, ...]:
    namesakes = [each for each in registry.entries() if each.name == entry.name]
    if version is not None or len({frozenset(base.sha256 for base in each.bases) for each in namesakes}) < 2:
        return ()
    return (
        f"{entry.name} has versions on several bases; taking {entry.reference}, the newest, on {entry.base_labels} "
        f"(choose with --base or {entry.name}@VERSION)",
    )


def _locate_folder(text: str, _search: Search) -> Located:
    folder = Path(text).expanduser()
    if not folder.is_dir():
        raise UnknownReferenceError(
            f"the folder {text} does not exist; a reference is base, NAME, NAME@VERSION, NAME@ALIAS, a folder or hf:OWNER/REPO.{near_files(folder)}"
        )
    return _located(folder, text)


def _locate_hf(text: str, _search: Search) -> Located:
    match = re.fullmatch(r"hf:([\w.-]+/[\w.-]+)(?:@([\w./-]+))?", text)
    if match is None:
        raise UnknownReferenceError(f"{text!r} is no reference to the Hub; expected hf:OWNER/REPO or hf:OWNER/REPO@REVISION")
    return _located(fetch_snapshot(match[1], match[2]), text)


def _located(folder: Path, text: str) -> Located:
    entry = read_entry(folder / ENTRY_FILE) if (folder / ENTRY_FILE).is_file() else None
    return Located(reference=text, folder=folder, entry=entry)


LOCATORS: dict[str, Callable[[str, Search], Located]] = {
    "base": _locate_base,
    "name": _locate_name,
    "folder": _locate_folder,
    "hf": _locate_hf,
}
"""Way of naming -> what finds it."""


def fetch_snapshot(repo: str, revision: str | None) -> Path:
    """Return the folder of a Hub repository: out of the cache, else from the Hub.

    Raises:
        HubError: it is in neither, or the Hub cannot be reached.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(repo, revision=revision, local_files_only=True))
        if (folder / _ADAPTER_CONFIG).is_file() or (folder / "config.json").is_file():
            return folder
    except (LocalEntryNotFoundError, HfHubHTTPError, HFValidationError, OSError):
        pass  # not cached
    if not hub_is_reachable():
        raise HubError(
            f"{repo} is not in the Hugging Face cache, and {hub_endpoint()} cannot be reached; fetch it where it can, and give its folder"
        )
    try:
        return Path(snapshot_download(repo, revision=revision, allow_patterns=_DOWNLOAD))
    except Exception as e:  # the Hub client raises httpx, OS and its own errors alike
        raise HubError(f"{repo} could not be fetched from {hub_endpoint()}: {str(e).splitlines()[0]}") from e


def _of_folder(folder: Path, search: Search) -> Resolved:
    """Describe a folder that no registry wrote by what lies in it: a bare PEFT adapter, or a whole model."""
    if (folder / _ADAPTER_CONFIG).is_file():
        return _of_peft_folder(folder, search)
    if (folder / "config.json").is_file():
        spec = read_base(folder, "path", None, search.options)
        return of_base(spec, encoding_of(spec, search.options))
    raise AdapterError(f"{folder} is neither an adapter nor a model: it holds no {_ADAPTER_CONFIG} and no config.json")


def read_entry(path: Path) -> Entry:
    """Read the `adapt.json` of a version folder.

    Raises:
        AdapterError: it is malformed.
    """
    try:
        return read_entry_file(path)
    except RegistryError as e:
        raise AdapterError(f"{path} cannot be read: {e}") from e


def _of_entry(entry: Entry, folder: Path, search: Search) -> Resolved:
    check_usable(entry)
    if entry.kind == "ensemble":
        from .membership import resolve_ensemble

        return resolve_ensemble(entry, folder, search)
    recorded = {"pooling": entry.pooling, "query_prompt": entry.prompts.get("query"), "document_prompt": entry.prompts.get("document")}
    base = find_recorded_base(entry.bases[0], entry.reference, search)
    encoding = encoding_of(base, search.options, replace(read_metadata(folder), **recorded))  # type: ignore[arg-type]
    description = f"{entry.kind} {entry.reference} on {base.name}" + (f", domain {entry.domain}" if entry.domain else "")
    return Resolved(
        reference=entry.reference, kind=entry.kind, base=base, encoding=encoding, folder=folder, entry=entry, description=description
    )


def _of_peft_folder(folder: Path, search: Search) -> Resolved:
    from .lora import read_config

    named = search.base or read_config(folder).get("base_model_name_or_path")
    if not named:
        raise BaseError(f"{folder / _ADAPTER_CONFIG} names no base (base_model_name_or_path); name it with --base")
    found = resolve_base(named, options=search.options, made_with=read_metadata(folder))
    description = f"adapter {folder.name} on {found.spec.name}"
    return Resolved(reference=str(folder), kind="adapter", base=found.spec, encoding=found.encoding, folder=folder, description=description)


def find_recorded_base(record: BaseRecord, reference: str, search: Search) -> BaseSpec:
    """Find the base that something was made for, which its fingerprint decides: the named one, the recorded path, the Hub id.

    Args:
        record: What `base_record` returned when it was made.
        reference: What was made for it, to be named in errors.
        search: Where to look.

    Raises:
        BaseError: it is not to be had, or is another than the one that was named.
    """
    if search.base is not None:
        base = find_base(search.base, options=search.options)
        if base.sha256 != record.sha256:
            raise BaseError(_other_base(reference, record, f"--base {search.base}", base.sha256))
        return base
    for folder in record.folders():
        if fingerprint(folder) == record.sha256:
            return read_base(folder, "path", None, search.options)
    if not record.id:
        where = f"{record.label} in {record.path}, which is not there any more" if record.path else f"{record.label}, which is not here"
        raise BaseError(f"{reference} was made for {where}; name that base with --base")
    base = find_base(record.id, options=search.options)
    if base.sha256 != record.sha256:
        raise BaseError(_other_base(reference, record, str(base.folder), base.sha256))
    return base


def _other_base(reference: str, record: BaseRecord, what: str, sha256: str) -> str:
    return (
        f"{reference} was made for {record.label} with weights of sha256 {record.sha256[:12]}..., but {what} has {sha256[:12]}...; "
        f"use the base it was made for, or train it again on this one"
    )
