"""What an index says of itself: `index.json`, in one numbered format."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, NoReturn, get_args

from ..errors import DataError
from ..registry.record_json import as_json, read_record
from ..registry.records import BaseRecord

FORMAT = 1
MANIFEST = "index.json"
BUILDING = "building.json"
SHARDS = "[0-9]" * 6 + ".safetensors"
"""Which names shards have; whatever else lies beside them is the user's."""
"""The same before the first shard is written; it makes way for `index.json` when all are."""
KIND = "adapt index"
VectorFormat = Literal["bf16", "fp32"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardRecord:
    """One file of rows: its name, how many rows and bytes it has, the sha256 of the file, and that of its ids and texts."""

    file: str
    rows: int
    size: int
    sha256: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What an index is.

    Attributes:
        reference: What made the vectors: `base`, or the full name of an adapter, merge or ensemble.
        bases: Its base; of an ensemble, its bases.
        encoder: All that the vectors depend on beside the texts, by content (`Encoder.content("document")`).
        dimension: The width of the vectors.
        vectors: The number format that they are kept in.
        has_texts: Whether the texts are kept beside them.
        rows_per_shard: Of all shards but the last of each build or addition.
        shards: The files, in the order of the rows.
    """

    reference: str
    bases: tuple[BaseRecord, ...]
    encoder: Mapping[str, Any]
    dimension: int
    vectors: VectorFormat
    has_texts: bool
    rows_per_shard: int
    shards: tuple[ShardRecord, ...] = ()

    @property
    def count(self) -> int:
        """The rows of all shards."""
        return sum(shard.rows for shard in self.shards)

    @property
    def size(self) -> int:
        """The bytes of all shards."""
        return sum(shard.size for shard in self.shards)

    @property
    def content(self) -> str:
        """A sha256 of the encoder, the number format, and of all ids and texts in their order."""
        about = {"encoder": self.encoder, "vectors": self.vectors, "rows": [[shard.rows, shard.content] for shard in self.shards]}
        return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()

    @property
    def dim(self) -> int | None:
        """After how many numbers its vectors were cut; None: they are whole."""
        dim = self.encoder.get("dim")
        return dim if isinstance(dim, int) else None

    @property
    def base_labels(self) -> str:
        """The bases as people call them."""
        return " and ".join(base.label for base in self.bases)

    def with_shards(self, shards: tuple[ShardRecord, ...]) -> Manifest:
        """Return it with these shards after its own."""
        return replace(self, shards=(*self.shards, *shards))

    def to_json(self) -> bytes:
        """Return it as the bytes of its file."""
        about = {
            "kind": KIND,
            "format": FORMAT,
            "reference": self.reference,
            "bases": [as_json(base) for base in self.bases],
            "encoder": self.encoder,
            "dimension": self.dimension,
            "vectors": self.vectors,
            "texts": self.has_texts,
            "rows_per_shard": self.rows_per_shard,
            "count": self.count,
            "content": self.content,
            "shards": [asdict(shard) for shard in self.shards],
        }
        return (json.dumps(about, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "replace")


def read_manifest(path: Path) -> Manifest:
    """Read an index's `index.json` or `building.json`.

    Raises:
        DataError: it cannot be read, is damaged, or in a newer format than this version of adapt knows.
    """
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
    except OSError as e:
        raise DataError(f"{path} cannot be read: {e.strerror or e}") from e
    except (ValueError, RecursionError) as e:
        raise DataError(f"{path} is damaged: {e}; build the index again") from e
    if not isinstance(about, dict) or about.get("kind") != KIND:
        raise DataError(f"{path} is not that of an index of adapt: it lacks the kind {KIND!r}")
    if not isinstance(number := about.get("format"), int) or number < 1:
        raise DataError(f"{path} is damaged: its format is {number!r}; build the index again")
    if number > FORMAT:
        raise DataError(f"{path} has the format {number}, and this version of adapt reads up to {FORMAT}; use a newer adapt")
    try:
        return _manifest(about)
    except (KeyError, TypeError, ValueError) as e:
        reason = f"it lacks {e}" if isinstance(e, KeyError) else str(e)
        raise DataError(f"{path} is damaged: {reason}; build the index again") from e


def refuse_there(path: Path) -> NoReturn:
    """Refuse to build where an index is.

    Raises:
        DataError: always.
    """
    rows = read_manifest(path / MANIFEST).count
    raise DataError(f"{path} holds an index of {rows} rows already; to add to it: adapt index add {path} MORE; or give -o another folder")


def _manifest(about: Mapping[str, Any]) -> Manifest:
    shards = tuple(ShardRecord(**shard) for shard in about["shards"])
    found = Manifest(
        reference=str(about["reference"]),
        bases=tuple(read_record(BaseRecord, base, "a base") for base in about["bases"]),
        encoder=dict(about["encoder"]),
        dimension=_whole(about, "dimension"),
        vectors=about["vectors"],
        has_texts=bool(about["texts"]),
        rows_per_shard=_whole(about, "rows_per_shard"),
        shards=shards,
    )
    if found.vectors not in get_args(VectorFormat):
        raise ValueError(f"its vectors are {found.vectors!r}, expected {' or '.join(get_args(VectorFormat))}")
    for shard in shards:
        if not (isinstance(shard.rows, int) and isinstance(shard.size, int) and shard.rows > 0) or Path(shard.file).name != shard.file:
            raise ValueError(f"a shard of it is {shard}")
    if found.count != about["count"] or found.content != about["content"]:
        raise ValueError("its counts or its content are not those of its shards")
    return found


def _whole(about: Mapping[str, Any], key: str) -> int:
    value = about[key]
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"its {key} is {value!r}; expected a whole number above 0")
    return value
