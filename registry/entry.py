"""One version of one adapter, merge or ensemble: what the registry knows of it, to and from JSON."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from ..errors import RegistryError, unknown_name
from ..names import RULE, is_name, normalise

if TYPE_CHECKING:
    from ..base.resolve import BaseSpec

Kind = Literal["adapter", "merge", "ensemble"]

_LIKE_A_VERSION = re.compile(r"[vV]?\d+")
RESERVED = ("base", "registry.json", "runs")
"""Names that mean something else: the reference to a base, the index, and the folder of unfinished training runs."""


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What the registry keeps of one version.

    Attributes:
        kind: What it is: weights that were trained, weights that were merged, or a recipe without weights.
        name: Letters and digits of any script and `. _ -` (`names.RULE`), in NFC, as is the domain.
        version: 1, 2, ...; 0 for a draft that the registry has not numbered yet.
        domain: What it was made for; None where nobody said.
        base: What `base_record` returns; a list of such for an ensemble over several bases.
        pooling: `cls` or `mean`; None for an ensemble over bases that differ.
        prompts: Role -> the instruction before each text.
        method: How it was made: `lora`, or a merge method's or an ensemble mode's name.
        rank: Largest rank of its factors; None for a recipe.
        targets: Ends of the names of the changed modules.
        files: Relative path -> {"sha256", "size"}; the registry fills it in.
        parents: What it was made from, each {"reference", "sha256", "weight"}.
        config: The resolved configuration.
        seed: Of everything drawn.
        data: What it was trained on: source, fingerprint, counts, notes.
        scores: Measurements; "dev" holds {"metric", "before", "after"}, 0 to 1.
        created: ISO 8601, UTC.
    """

    kind: Kind
    name: str
    version: int = 0
    domain: str | None = None
    base: dict | list[dict]
    pooling: str | None = None
    prompts: dict[str, str] = field(default_factory=dict)
    method: str | None = None
    rank: int | None = None
    targets: list[str] = field(default_factory=list)
    files: dict[str, dict] = field(default_factory=dict)
    parents: list[dict] = field(default_factory=list)
    config: dict = field(default_factory=dict)
    seed: int | None = None
    data: dict = field(default_factory=dict)
    scores: dict = field(default_factory=dict)
    created: str = field(default_factory=_now)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise RegistryError(f"the name {self.name!r} is not a text")
        object.__setattr__(self, "name", normalise(self.name))
        check_name(self.name)
        if isinstance(self.domain, str):
            object.__setattr__(self, "domain", normalise(self.domain))
        if self.kind not in get_args(Kind):
            raise RegistryError(unknown_name("kind of entry", str(self.kind), get_args(Kind)))
        if not isinstance(self.version, int) or self.version < 0:
            raise RegistryError(f"the version of {self.name} is {self.version!r}; expected a whole number, 1 or more")
        if not self.bases or not all(isinstance(base, dict) and {"id", "sha256"} <= base.keys() for base in self.bases):
            raise RegistryError(f"{self.name} must name its base by id and sha256, found {self.base!r}")
        try:
            datetime.fromisoformat(self.created)
        except (TypeError, ValueError):
            raise RegistryError(f"{self.name} was created at {self.created!r}; expected an ISO 8601 time") from None

    @property
    def reference(self) -> str:
        """How the user names it: `name@version`."""
        return f"{self.name}@{self.version}"

    @property
    def bases(self) -> list[dict]:
        """Its base, or the bases of an ensemble, as a list."""
        return self.base if isinstance(self.base, list) else [self.base]

    @property
    def size(self) -> int:
        """The bytes of its files."""
        return sum(file["size"] for file in self.files.values())

    def is_on(self, base_sha256: str) -> bool:
        """Say whether it, or a part of it, was made for the base with this fingerprint."""
        return any(base["sha256"] == base_sha256 for base in self.bases)

    def to_dict(self) -> dict:
        """Return it as JSON can hold it."""
        return asdict(self)

    def to_json(self) -> bytes:
        """Return it as the content of a file."""
        return (json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()

    @classmethod
    def from_dict(cls, content: object) -> Entry:
        """Read back what `to_dict` returned.

        Raises:
            RegistryError: a key is unknown or missing, or a value does not fit.
        """
        if not isinstance(content, dict):
            raise RegistryError(f"an entry must be a JSON object, found a {type(content).__name__}")
        name, known = content.get("name"), [each.name for each in fields(cls)]
        if stray := sorted(content.keys() - set(known)):
            raise RegistryError(f"entry {name!r} has the unknown key {stray[0]!r}; known: {', '.join(known)}")
        if missing := [key for key in ("kind", "name", "base") if key not in content]:
            raise RegistryError(f"entry {name!r} lacks the key {missing[0]!r}")
        _check_types(content)
        return cls(**content)


_TYPES: dict[str, tuple[type, ...]] = {
    "name": (str,),
    "base": (dict, list),
    "prompts": (dict,),
    "targets": (list,),
    "files": (dict,),
    "parents": (list,),
    "config": (dict,),
    "data": (dict,),
    "scores": (dict,),
    "created": (str,),
}


def _check_types(content: dict) -> None:
    for key, expected in _TYPES.items():
        if key in content and not isinstance(content[key], expected):
            kinds = " or ".join(kind.__name__ for kind in expected)
            raise RegistryError(f"entry {content['name']!r}: {key} must be a {kinds}, found a {type(content[key]).__name__}")
    for path, file in content.get("files", {}).items():
        if not isinstance(file, dict) or file.keys() != {"sha256", "size"} or path.startswith("/") or ".." in path.split("/"):
            raise RegistryError(f"entry {content['name']!r}: file {path!r} must be a path inside the folder with sha256 and size")
    for parent in content.get("parents", []):
        if not isinstance(parent, dict) or not isinstance(parent.get("reference"), str):
            raise RegistryError(f"entry {content['name']!r}: each parent must be an object with a reference, found {parent!r}")


def base_record(spec: BaseSpec) -> dict:
    """Return what an entry keeps of its base."""
    return {"id": spec.hub_id, "revision": spec.revision, "sha256": spec.sha256, "path": str(spec.folder), "name": spec.name}


def named_base(record: dict) -> tuple[str | None, str | None]:
    """Return what peft and sentence-transformers find a recorded base by: Hub id and revision, else its folder's absolute path and None."""
    return (record["id"], record.get("revision")) if record["id"] else (record.get("path"), None)


def is_there(record: dict) -> bool:
    """Say whether a recorded base can still be found: it has a Hub id, or its folder is on this machine."""
    return bool(record["id"]) or is_base_folder(record.get("path"))


def is_base_folder(path: str | None) -> bool:
    """Say whether this is the absolute path of a folder with a base in it, whatever the current directory is."""
    return path is not None and Path(path).is_absolute() and (Path(path) / "config.json").is_file()


def check_name(name: str) -> None:
    """Refuse what cannot name an entry.

    Raises:
        RegistryError: the name has other characters, or means something else.
    """
    if not is_name(name):
        raise RegistryError(f"the name {name!r} does not fit; names have {RULE}")
    if name.lower() in RESERVED:
        raise RegistryError(f"the name {name!r} is taken: it means something else here; choose another with --name")


def check_alias(alias: str) -> None:
    """Refuse what cannot be an alias.

    Raises:
        RegistryError: it has other characters, or looks like a version.
    """
    if not is_name(alias):
        raise RegistryError(f"the alias {alias!r} does not fit; aliases have {RULE}")
    if _LIKE_A_VERSION.fullmatch(alias):
        raise RegistryError(f"the alias {alias!r} looks like a version number; choose a word, such as 'best'")


def split_reference(reference: str) -> tuple[str, str | None]:
    """Split `NAME`, `NAME@VERSION` or `NAME@ALIAS` into the name and what follows the @ (None: nothing does), both in NFC.

    Raises:
        RegistryError: it is none of these.
    """
    name, at, version = normalise(reference).partition("@")
    check_name(name)
    if at and not is_name(version):
        raise RegistryError(f"{reference!r} is not a reference; expected NAME, NAME@VERSION or NAME@ALIAS")
    return name, version if at else None
