"""A corpus as vectors on disk, in a program's hands: built once, searched with any adapter that leaves documents as they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..choices import Precision
from ..errors import AdapterError, RequestError
from ..events import QUIET, Events
from ..references import EncoderSettings
from .adapter import Adapter
from .networks import IN_USE, loaded_bases, share
from .places import BaseNamed, Named, Place, as_reference, as_several, given_in, search_in

if TYPE_CHECKING:
    from typing import Unpack

    from ..encoders.protocol import Encoder
    from ..index.folder import IndexFolder
    from ..index.manifest import VectorFormat
    from ..index.searched import SearchReport
    from ..index.vectors import StoredVectors


@dataclass(frozen=True, eq=False, repr=False)
class Index:
    """An index on disk, as `adapt index` makes it. `Index.open(folder)` opens one, `Index.build(corpus, folder)` makes one."""

    folder: IndexFolder

    @classmethod
    def open(cls, folder: str | PathLike[str]) -> Index:
        """Open an index.

        Raises:
            DataError: it is not there, was not finished, is damaged, or in a newer format.
        """
        from ..index.folder import open_index

        return cls(open_index(Path(folder)))

    @classmethod
    def build(
        cls,
        corpus: str | PathLike[str],
        folder: str | PathLike[str],
        *,
        reference: Named = "base",
        vectors: VectorFormat = "fp32",
        texts: bool = True,
        columns: Mapping[str, str] | None = None,
        registry: Place = None,
        device: str | None = None,
        dtype: Precision = "auto",
        max_tokens: int | None = None,
        dim: int | None = None,
        events: Events = QUIET,
        **named: Unpack[BaseNamed],
    ) -> Index:
        """Embed a corpus into a new folder; where an earlier call was interrupted, it goes on.

        Args:
            corpus: A .jsonl, .csv, .tsv (also with .gz) or .parquet file, or a BEIR folder.
            folder: Where the index goes.
            reference: What embeds the documents.
            vectors: What they are kept in: `fp32`, or `bf16`, which is half as large and loses up to .001 of nDCG.
            texts: Whether the texts are kept beside them, for a search to show.
            columns: `id`, `text` and `title` -> the column that is meant; those left out are known by their names.
            registry: Where the reference is looked for.
            device: As torch names it; None: the best one here.
            dtype: What matrix products are computed in.
            max_tokens: Texts are truncated to it; None: to what the base reads.
            dim: After how many numbers the vectors are cut, as those of the queries will be; None: they are whole.
            events: Receives the progress, and what is chosen, large or truncated.
            named: `base` and `options`, as for `load`.

        Raises:
            AdaptError: the corpus is malformed, the folder holds an index, or the reference is not known.
        """
        from ..index.build import BuildRequest, prepare_build

        where = search_in(registry, named.get("base"), named.get("options"), [reference])
        request = BuildRequest(
            corpus=Path(corpus),
            out=Path(folder),
            reference=_name(reference),
            where=where,
            settings=EncoderSettings(device=device, precision=dtype, max_tokens=max_tokens, dim=dim),
            vectors=vectors,
            keep_texts=texts,
            columns=columns or {},  # type: ignore[arg-type]
        )
        prepare_build(request, events).run(events)
        return cls.open(folder)

    def add(
        self,
        corpus: str | PathLike[str],
        *,
        columns: Mapping[str, str] | None = None,
        registry: Place = None,
        events: Events = QUIET,
        **named: Unpack[BaseNamed],
    ) -> Index:
        """Embed more rows as those that are there were; return the index with them.

        Raises:
            AdaptError: as `build`, or an id is there already.
        """
        from ..index.build import AddRequest, prepare_add

        where = search_in(registry, named.get("base"), named.get("options"))
        request = AddRequest(index=self.path, corpus=Path(corpus), where=where, columns=columns or {})  # type: ignore[arg-type]
        prepare_add(request, events).run(events)
        return Index.open(self.path)

    def search(
        self,
        queries: str | Sequence[str],
        adapters: Sequence[Named] = (),
        *,
        top: int = 10,
        ids: Sequence[str] | None = None,
        answers: Mapping[str, Mapping[str, int]] | None = None,
        registry: Place = None,
        device: str | None = None,
        dtype: Precision = "auto",
        events: Events = QUIET,
        **named: Unpack[BaseNamed],
    ) -> SearchReport:
        """Return the nearest rows of queries by each adapter, with their exact ranks by all the others and by the base.

        Args:
            queries: One text or several.
            adapters: Adapters for queries alone, those in memory alone too, references or folders; or what made the index.
            top: How many rows of each are told.
            ids: One for each query, by which `answers` knows it.
            answers: Query id -> id of a row -> grade, from 1: where they stand is told.
            registry: As for `bench_adapters`.
            device: As torch names it; None: the best one here.
            dtype: What the queries are embedded in, unless an adapter in hand has settings of its own.
            events: Receives what was chosen on the user's behalf.
            named: `base` and `options`, as for `load`.

        Raises:
            AdaptError: an adapter is not known, or its documents have other vectors than the index's.
        """
        from ..index.job import SearchRequest, prepare_search

        given, where = given_in(as_several(adapters), registry, named)
        in_hand = {each.reference: each for each in given if isinstance(each, Adapter) and each.kind != "base"}
        references = tuple(
            as_reference(each) if not isinstance(each, Adapter) else "base" for each in given if each not in in_hand.values()
        )
        settings = EncoderSettings(device=device, precision=dtype)
        request = SearchRequest(index=self.path, references=references, top=top, where=where, settings=settings)
        job = prepare_search(request, events)
        with IN_USE:
            bases = loaded_bases(settings)
            opened = job.open(events, bases, {name: _encoder(each) for name, each in in_hand.items()})
            share(bases)
            return opened.search([queries] if isinstance(queries, str) else list(queries), ids=ids, answers=answers)

    @property
    def path(self) -> Path:
        """Its folder."""
        return self.folder.path

    @property
    def dimension(self) -> int:
        """The width of its vectors."""
        return self.folder.manifest.dimension

    def vectors(self) -> StoredVectors:
        """Return its vectors, mapped."""
        return self.folder.vectors()

    def ids(self) -> Iterable[str]:
        """Yield the ids of its rows in their order."""
        return self.folder.ids()

    def text(self, row: int) -> str | None:
        """Return the text of a row; None: it keeps none."""
        return self.folder.text(row)

    def faults(self, events: Events = QUIET) -> list[str]:
        """Read it through and return what is wrong with its files; nothing, where they are what was written."""
        from ..index.folder import find_faults

        return find_faults(self.folder, events)

    def as_dict(self) -> dict[str, Any]:
        """Return what is known of it as JSON can hold it."""
        from ..index.report import describe_index

        return describe_index(self.path, self.folder.manifest)

    def __len__(self) -> int:
        return self.folder.count

    def __repr__(self) -> str:
        about = self.folder.manifest
        return f"Index({str(self.path)!r}, rows={len(self)}, reference={about.reference!r}, base={about.base_labels!r})"


def _name(reference: Named) -> str:
    """Return how a reference is found that embeds documents.

    Raises:
        RequestError: it is in memory alone.
    """
    if not isinstance(reference, Adapter):
        return as_reference(reference)
    if reference.kind == "base":
        return "base"
    if reference.path is None:
        raise RequestError(
            f"{reference.reference} is in memory alone, and an index keeps the name of what made it; make it with register=True"
        )
    return reference.reference


def _encoder(adapter: Adapter) -> Encoder:
    from ..encoders.protocol import is_searcher

    opened = adapter.encoder
    if is_searcher(opened):
        raise AdapterError(f"{adapter.reference} has no vectors: it only ranks passages, and cannot search an index")
    return opened
