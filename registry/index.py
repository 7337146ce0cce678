"""registry.json: the entries, the aliases and the highest numbers given, in one numbered format."""

import json
import os
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..errors import RegistryError
from .entry import Entry
from .stored import FORMAT, NewerFormatError, check_format, from_stored, to_stored

INDEX = "registry.json"
ENTRY = "adapt.json"


class DamagedIndexError(RegistryError):
    """The index is there and cannot be understood, or is missing among its folders; `verify --fix` rebuilds it."""


@dataclass(frozen=True, slots=True)
class Index:
    """The content of one registry.json.

    `aliases`: name -> alias -> version. `numbers`: name -> the highest version ever given, so that a number is never given twice.
    """

    entries: tuple[Entry, ...] = ()
    aliases: dict[str, dict[str, int]] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    _by_reference: dict[str, Entry] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_reference", {entry.reference: entry for entry in self.entries})

    def __contains__(self, entry: Entry) -> bool:
        return self._by_reference.get(entry.reference) == entry

    def with_entry(self, entry: Entry) -> "Index":
        """Return the index with one entry more."""
        return replace(
            self, entries=(*self.entries, entry), numbers=self.numbers | {entry.name: max(entry.version, self.numbers.get(entry.name, 0))}
        )

    def with_entry_changed(self, entry: Entry) -> "Index":
        """Return the index with another record of a version that is in it."""
        return replace(self, entries=tuple(entry if each.reference == entry.reference else each for each in self.entries))

    def without_entry(self, entry: Entry) -> "Index":
        """Return the index without an entry and the aliases on it; its number stays given."""
        aliases = {alias: version for alias, version in self.aliases.get(entry.name, {}).items() if version != entry.version}
        kept = tuple(each for each in self.entries if each.reference != entry.reference)
        return replace(self, entries=kept, aliases=_with_aliases(self.aliases, entry.name, aliases))

    def with_alias(self, name: str, alias: str, version: int | None) -> "Index":
        """Return the index with an alias set, or without it (version None)."""
        aliases = {key: value for key, value in self.aliases.get(name, {}).items() if key != alias}
        if version is not None:
            aliases[alias] = version
        return replace(self, aliases=_with_aliases(self.aliases, name, aliases))

    def to_json(self) -> bytes:
        """Return it as the content of registry.json."""
        content = {
            "format": FORMAT,
            "entries": [to_stored(entry) for entry in self.entries],
            "aliases": self.aliases,
            "numbers": self.numbers,
        }
        return (json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


_SETTLED_S = 0.1
_read: dict[Path, tuple[tuple[int, ...], Index]] = {}
"""Path -> which file was read there (device, inode, size, times of modification and change) and what it held."""


def read_index(path: Path) -> Index:
    """Read a registry.json of this format or an older one; an absent one is empty.

    It is parsed once until it changes. Writers put a new file in its place, which has another inode, size or times. A file so
    young that a second change could fall into the same tick of the file system's clock is read again the next time.

    Raises:
        DamagedIndexError: it is malformed, or absent although there are version folders beside it.
        RegistryError: it cannot be read, or is of a newer format.
    """
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            state = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
            if path in _read and _read[path][0] == state:
                return _read[path][1]
            content = json.loads(file.read().decode("utf-8"))
    except FileNotFoundError:
        if any(path.parent.glob(f"[!.]*/*/{ENTRY}")):
            raise DamagedIndexError(
                f"{path} is missing, but there are versions beside it; to rebuild it from them: adapt verify --fix"
            ) from None
        return Index()
    except (ValueError, RecursionError) as e:
        raise _damaged(path, f"is not valid JSON ({e})") from e
    except OSError as e:
        raise RegistryError(f"{path} cannot be read: {e.strerror}") from e
    index = _parse(path, content)
    if time.time() - max(status.st_mtime, status.st_ctime) > _SETTLED_S:
        _read[path] = (state, index)
    return index


def _parse(path: Path, content: object) -> Index:
    if not isinstance(content, dict) or not isinstance(content.get("format"), int):
        raise _damaged(path, "has no format number")
    try:
        check_format(content["format"])
    except NewerFormatError as e:
        raise NewerFormatError(f"{path} cannot be read: {e}") from e
    except RegistryError as e:
        raise _damaged(path, f"cannot be read ({e})") from e
    if stray := sorted(content.keys() - {"format", "entries", "aliases", "numbers"}):
        raise _damaged(path, f"has the unknown key {stray[0]!r}")
    try:
        entries = tuple(from_stored(entry, content["format"]) for entry in content["entries"])
        aliases = {str(name): {str(alias): int(version) for alias, version in of.items()} for name, of in content["aliases"].items()}
        numbers = {str(name): int(number) for name, number in content.get("numbers", {}).items()}
    except RegistryError as e:
        raise _damaged(path, f"holds a malformed entry ({e})") from e
    except (AttributeError, KeyError, TypeError, ValueError) as e:
        raise _damaged(path, f"is malformed ({type(e).__name__}: {e})") from e
    if len({entry.reference for entry in entries}) < len(entries):
        raise _damaged(path, "names one version twice")
    return Index(entries, aliases, numbers)


def _damaged(path: Path, how: str) -> DamagedIndexError:
    return DamagedIndexError(f"{path} {how}; restore it from a copy, or rebuild it from the version folders with: adapt verify --fix")


def _with_aliases(all_aliases: dict[str, dict[str, int]], name: str, aliases: dict[str, int]) -> dict[str, dict[str, int]]:
    others = {key: value for key, value in all_aliases.items() if key != name}
    return others | ({name: aliases} if aliases else {})
