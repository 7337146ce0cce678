"""An index that exists, as what queries are compared with: the vectors of a corpus without the corpus being embedded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import DataError
from ...events import QUIET, Events
from ...files import near_files
from ...index.manifest import MANIFEST, read_manifest
from ...plurals import count

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ...base.resolve import ResolvedBase
    from ...data.pairs import Corpus
    from ...encoders.lora import LoraEncoder
    from ...index.given.fit import Fit
    from ...index.given.open import NamedVectors
    from ...index.rows import IndexRows


def check_index(path: Path, base: ResolvedBase) -> None:
    """Refuse what is not there, and what says itself that another base or an adapter made it; its vectors are not read.

    Raises:
        DataError: as said; the message names both bases.
    """
    if not path.exists():
        raise DataError(f"the vectors {path} do not exist.{near_files(path)}")
    if not (path / MANIFEST).is_file():
        return
    manifest = read_manifest(path / MANIFEST)
    if manifest.encoder.get("base") != base.spec.sha256:
        raise DataError(
            f"the index {path} was embedded with the base {manifest.base_labels}, and {base.spec.name} is to be trained on; "
            "name that base with --base, or build an index with this one: adapt index build"
        )
    if manifest.dim is not None:
        raise DataError(
            f"the index {path} holds vectors that were cut after {manifest.dim} numbers, and queries are trained against whole ones; "
            "build an index without --dim: adapt index build"
        )
    if manifest.encoder.get("factors") is not None:
        raise DataError(
            f"the index {path} holds vectors of {manifest.reference}, and queries are trained against the base's own; "
            "build an index with the base: adapt index build"
        )


@dataclass(frozen=True, slots=True)
class GivenIndex:
    """An index that was opened, held against the texts of a corpus, and found to be the base's vectors of them."""

    named: NamedVectors
    rows: IndexRows
    fit: Fit

    def describe(self) -> str:
        """Say in a line what it is, and how its vectors fit the texts."""
        fit = self.fit
        return (
            f"index: {count(self.named.vectors.count, 'vector')} in {self.named.path}; {count(fit.compared, 'text')} were embedded and compared, "
            f"the median cosine with what is stored is {fit.cosine:.4f}"
        )


def open_given(path: Path, corpus: Corpus, encoder: LoraEncoder, seed: int, events: Events = QUIET) -> GivenIndex:
    """Open an index; a seeded sample of the corpus is embedded and compared with its vectors.

    Args:
        path: An index of adapt, a file of vectors, or a folder of them.
        corpus: Id -> text, of all of its passages or of some.
        encoder: The base alone.
        seed: Draws the sample.
        events: Told what is done.

    Raises:
        DataError: it is damaged, or does not hold the base's vectors of these texts.
    """
    from ...index.given.fit import check_fit
    from ...index.given.open import open_vectors
    from ...index.rows import IndexRows

    named = open_vectors(path, dimension=encoder.dimension, events=events)
    hashes = _hash_texts(path) if named.manifest and named.manifest.has_texts else None
    row_of = {each: row for row, each in enumerate(named.ids)}
    if hashes is not None and row_of.keys().isdisjoint(corpus):  # pairs of texts, whose ids nobody gave
        row_of = _rows_by_text(corpus, hashes)
        named = replace(named, ids=_renamed(len(named.ids), row_of)) if row_of else named
    length = named.manifest.encoder.get("max_tokens") if named.manifest else None
    known = {pid: text for pid, text in corpus.items() if pid in row_of} or corpus
    fit = check_fit(named, known, replace(encoder, max_tokens=length or encoder.base.encoding.longest()), seed=seed, events=events)
    return GivenIndex(named, IndexRows(row_of, hashes), fit)


def _hash_texts(path: Path) -> NDArray[np.uint64]:
    """Return the hash of each row's text in an index that keeps them."""
    import numpy as np

    from ...index.folder import open_index
    from ...index.rows import hash_text

    shards = open_index(path).shards
    texts = (shard.text(row) for shard in shards for row in range(len(shard.vectors)))
    return np.fromiter((hash_text(text) for text in texts), np.uint64, sum(len(shard.vectors) for shard in shards))


def _rows_by_text(corpus: Corpus, hashes: NDArray[np.uint64]) -> dict[str, int]:
    """Return the first row with each passage's text, of those that are there."""
    from ...index.rows import hash_text

    wanted: dict[int, list[str]] = {}
    for pid, text in corpus.items():
        wanted.setdefault(hash_text(text), []).append(pid)
    rows: dict[str, int] = {}
    for row, each in enumerate(hashes.tolist()):
        rows.update(dict.fromkeys(wanted.pop(each, ()), row))
    return rows


def _renamed(count: int, row_of: Mapping[str, int]) -> list[str]:
    """Return an id for each row: the data's where they name it, else one that no data have."""
    ids = [f"\0{row}" for row in range(count)]
    for pid, row in row_of.items():
        ids[row] = pid
    return ids
