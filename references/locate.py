"""Where the weights lie that the user names: nothing is loaded, and the base is not asked for.

A reference is `base`, `NAME`, `NAME@VERSION`, `NAME@ALIAS`, a folder's path (with a separator in it, or `.` or `~` before it), or
`hf:OWNER/REPO[@REVISION]`.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from ..base.resolve import find_base
from ..errors import AdapterError, HubError, RegistryError, UnknownReferenceError
from ..files import near_files
from ..hub.names import read_repository
from ..hub.reach import hub_endpoint, hub_is_reachable
from ..hub.snapshots import cached_snapshot, fetch_snapshot
from ..registry import Entry, Registry, split_reference
from ..registry import read_entry as read_entry_file
from .types import Located, Search

ENTRY_FILE = "adapt.json"
ADAPTER_CONFIG = "adapter_config.json"
_DOWNLOAD = ("*.json", "*.txt", "*.model", "*.safetensors")


def locate_references(texts: Sequence[str], search: Search) -> list[Located]:
    """Find where the weights of several references lie; what costs least to refuse comes first, and what is on the Hub last.

    Raises:
        AdaptError: as `locate_reference`.
    """
    found: dict[str, Located] = {}
    for text in sorted(texts, key=lambda text: _COST[_way_of_naming(text)]):
        if text not in found:
            found[text] = locate_reference(text, search)
    return [found[text] for text in texts]


def locate_reference(text: str, search: Search) -> Located:
    """Find where a reference's weights lie, without asking for its base.

    Raises:
        UnknownReferenceError: it does not exist; the message lists what is known.
        HubError: it is not in the cache, and the Hub cannot be reached or does not have it.
    """
    return LOCATORS[_way_of_naming(text)](text, search)


def _way_of_naming(text: str) -> str:
    if text == "base":
        return "base"
    if text.startswith("hf:"):
        return "hf"
    is_path = "/" in text or os.sep in text or text.startswith((".", "~"))
    return "folder" if is_path else "name"


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
    """Say which of several versions was taken; that the user's own go before one that ships need not be said each time."""
    is_shipped = registry.is_builtin(entry)
    namesakes = [each for each in registry.entries() if each.name == entry.name and registry.is_builtin(each) == is_shipped]
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
    named = read_repository(text)
    if named is None:
        raise UnknownReferenceError(f"{text!r} is not a reference to the Hub; expected hf:OWNER/REPO or hf:OWNER/REPO@REVISION")
    return _located(_fetch(*named), text)


def _located(folder: Path, text: str) -> Located:
    entry = read_entry(folder / ENTRY_FILE) if (folder / ENTRY_FILE).is_file() else None
    return Located(reference=text, folder=folder, entry=entry)


def _fetch(repo: str, revision: str | None) -> Path:
    """Return the folder of a Hub repository with an adapter or a model in it: out of the cache, else from the Hub."""
    folder = cached_snapshot(repo, revision)
    if folder is not None and ((folder / ADAPTER_CONFIG).is_file() or (folder / "config.json").is_file()):
        return folder
    if not hub_is_reachable():
        raise HubError(
            f"{repo} is not in the Hugging Face cache, and {hub_endpoint()} cannot be reached; fetch it on a machine that can reach it, and give its folder"
        )
    return fetch_snapshot(repo, revision, patterns=_DOWNLOAD)


def read_entry(path: Path) -> Entry:
    """Read the `adapt.json` of a version folder.

    Raises:
        AdapterError: it is malformed.
    """
    try:
        return read_entry_file(path)
    except RegistryError as e:
        raise AdapterError(f"{path} cannot be read: {e}") from e


LOCATORS: dict[str, Callable[[str, Search], Located]] = {
    "base": _locate_base,
    "name": _locate_name,
    "folder": _locate_folder,
    "hf": _locate_hf,
}
"""Kind of reference -> what finds it."""


_COST = {way: cost for cost, way in enumerate(("base", "name", "folder", "hf"))}
"""Kind of reference -> its place in the order in which several references are looked for."""
