"""Building an index and adding to one, as jobs: a corpus is read, embedded a shard at a time in its order, and written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..base.encoding import BaseOptions
from ..data.corpus_files import CorpusFile, Field, find_corpus
from ..errors import ConfigError, DataError
from ..events import QUIET, Events, note_once
from ..files import check_output_folder
from ..plurals import be, count, format_size
from ..references import (
    EncoderSettings,
    LoadedBases,
    Resolved,
    Search,
    check_dim,
    check_has_vectors,
    check_length,
    open_encoder,
    resolve_reference,
)
from ..references.recorded_base import find_recorded_base
from ..registry import open_registry
from ..registry.records import base_record

if TYPE_CHECKING:
    from ..encoders.protocol import Encoder
    from .folder import IndexFolder
    from .manifest import Manifest, VectorFormat
    from .report import BuildReport

ROWS_PER_SHARD = 4096
"""Rows of a shard: what a kill costs, and what texts of like length are batched from."""
_BYTES_PER_ROW = 32  # beside vector, id and text: where they end, and the id's hash


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRequest:
    """What is to be built.

    Attributes:
        corpus: As `find_corpus` takes it.
        out: The index's folder: new, empty, or one that an interrupted build left.
        reference: What embeds: `base`, or an adapter, merge or ensemble that changes documents.
        where: Where it is looked for; None: the user's own registry.
        settings: How vectors are computed.
        vectors: What they are kept in.
        keep_texts: Whether the texts are kept beside them, for a search to show.
        columns: Field -> the column that is meant, where names do not tell.
        rows_per_shard: As `ROWS_PER_SHARD`.
    """

    corpus: Path
    out: Path
    reference: str = "base"
    where: Search | None = None
    settings: EncoderSettings = field(default_factory=EncoderSettings)
    vectors: VectorFormat = "fp32"
    keep_texts: bool = True
    columns: Mapping[Field, str | None] = field(default_factory=dict)
    rows_per_shard: int = ROWS_PER_SHARD

    def __post_init__(self) -> None:
        if self.rows_per_shard < 1:
            raise ConfigError(f"a shard has {self.rows_per_shard} rows; expected at least 1")
        if self.vectors not in ("bf16", "fp32"):
            raise ConfigError(f"the vectors are to be kept in {self.vectors!r}; expected bf16 or fp32")


@dataclass(frozen=True, slots=True, kw_only=True)
class AddRequest:
    """What is to be added to an index, embedded as the index was.

    Attributes:
        index: Its folder.
        corpus: As `find_corpus` takes it.
        where: Where what made the index is looked for; None: the user's own registry.
        settings: Device and batch; precision, length and width are those of the index.
        columns: As in `BuildRequest`.
    """

    index: Path
    corpus: Path
    where: Search | None = None
    settings: EncoderSettings = field(default_factory=EncoderSettings)
    columns: Mapping[Field, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BuildJob:
    """What is going to be embedded, by what, and where it goes."""

    path: Path
    corpus: CorpusFile
    resolved: Resolved
    settings: EncoderSettings
    index: IndexFolder | None
    request: BuildRequest | None

    def run(self, events: Events = QUIET) -> BuildReport:
        """Embed what is not there yet, and write it. After a kill, the same call goes on, and leaves the same bytes.

        Raises:
            AdaptError: the corpus is malformed, an id is there already, the index was made by another encoder, or the disk is too small.
        """
        from .corpus import check_disk
        from .embedding import Embedding
        from .rounding import open_rounding
        from .survey import survey
        from .writing import begin, writing

        with writing(self.path):
            self._refuse_changed()
            found = survey(self.corpus, self.index, events)
            width = 4 if self._format() == "fp32" else 2
            size = found.rows * ((self.settings.dim or self.resolved.dimension or 0) * width + _BYTES_PER_ROW) + (
                found.bytes if self._keeps_texts() else 0
            )
            events.note(
                f"{count(found.rows, 'text')} of {found.characters // found.rows} characters on average; the vectors and all beside take {format_size(size)}"
            )
            if found.empty:
                events.note(
                    f"{count(found.empty, 'text')} {be(found.empty)} empty: {'it has' if found.empty == 1 else 'they have'} a vector like any other"
                )
            check_disk(self.path, size)
            events.stage("loading the base")
            encoder = open_encoder(self.resolved, LoadedBases(self.settings))
            manifest = self._manifest(encoder)
            if self.index is None:
                begin(self.path, manifest)
            try:
                judged = open_rounding(self.request.corpus, encoder) if self.request and manifest.vectors == "bf16" else None
                return Embedding(self.path, self.corpus, encoder, manifest, found, events, judged).run()
            except KeyboardInterrupt:
                events.note("interrupted; the same command goes on where this one stopped")
                raise

    def _refuse_changed(self) -> None:
        """Refuse an index to which somebody added since it was opened.

        Raises:
            DataError: somebody did.
        """
        from .folder import open_index

        if self.index is not None and open_index(self.path).manifest != self.index.manifest:
            raise DataError(f"another process added to {self.path} meanwhile; run the command again")

    def _format(self) -> VectorFormat:
        return self.index.manifest.vectors if self.index else self.request.vectors if self.request else "fp32"

    def _keeps_texts(self) -> bool:
        return self.index.manifest.has_texts if self.index else bool(self.request and self.request.keep_texts)

    def _manifest(self, encoder: Encoder) -> Manifest:
        """Return what the index is, of a new one without rows.

        Raises:
            DataError: the encoder makes other vectors than those that are there.
        """
        from .encoding import describe_difference, differing
        from .manifest import Manifest

        content = encoder.content("document")
        if self.index is not None:
            kept = self.index.manifest
            if keys := differing(kept.encoder, content):
                raise DataError(
                    f"{self.path} was made with another encoder: {describe_difference(keys[0], kept.encoder, content)}; "
                    "add with what it was made with, or build a new index"
                )
            return kept
        assert self.request is not None
        return Manifest(
            reference=self.resolved.reference,
            bases=tuple(base_record(base) for base in self.resolved.bases),
            encoder=content,
            dimension=encoder.dimension,
            vectors=self.request.vectors,
            has_texts=self.request.keep_texts,
            rows_per_shard=self.request.rows_per_shard,
        )


def prepare_build(request: BuildRequest, events: Events = QUIET) -> BuildJob:
    """Find the corpus and what embeds it; nothing is loaded, and no row but the first is read.

    Raises:
        AdaptError: the corpus or the reference is not there or does not fit, or the folder cannot be written or holds an index.
    """
    from .manifest import MANIFEST, refuse_there

    out = request.out.expanduser()
    corpus = find_corpus(request.corpus, request.columns)
    check_output_folder(out)
    if (out / MANIFEST).is_file():
        refuse_there(out)
    resolved = resolve_reference(request.reference, request.where or Search(registry=open_registry()))
    check_has_vectors(resolved)
    check_length(resolved, request.settings.max_tokens)
    note_once(events, [*resolved.notes, *check_dim(resolved, request.settings.dim), *corpus.notes])
    return BuildJob(out, corpus, resolved, request.settings, None, request)


def prepare_add(request: AddRequest, events: Events = QUIET) -> BuildJob:
    """Find the index, what made it, and what is to be added; nothing is loaded.

    Raises:
        AdaptError: one of them is not there, or `--base` names another base than the index's.
    """
    from .folder import open_index

    index = open_index(request.index)
    corpus = find_corpus(request.corpus, request.columns)
    resolved, settings = resolve_maker(index, request.where or Search(registry=open_registry()), request.settings)
    note_once(events, [*resolved.notes, *corpus.notes])
    return BuildJob(index.path, corpus, resolved, settings, index, None)


def _refuse_other(index: IndexFolder, where: Search, settings: EncoderSettings) -> None:
    """Refuse what was asked for and is not as the rows that are there were computed."""
    made = index.manifest.encoder
    asked = {
        "max_tokens": ("--max-tokens", settings.max_tokens),
        "dim": ("--dim", settings.dim),
        "precision": ("--dtype", None if settings.precision == "auto" else settings.precision),
        "pooling": ("--pooling", where.options.pooling),
    }
    for key, (option, value) in asked.items():
        if value is not None and made.get(key) not in (None, value):
            raise ConfigError(f"{index.path} was made with {made[key]}, and {option} says {value}; leave it out, or build a new index")


def resolve_maker(index: IndexFolder, where: Search, settings: EncoderSettings) -> tuple[Resolved, EncoderSettings]:
    """Find what made an index, and how it computed.

    Raises:
        AdaptError: it or its base is not here, or another base was named.
    """
    about = index.manifest
    made, of_base = about.encoder, about.reference == "base"
    _refuse_other(index, where, settings)
    if where.base is not None and len(about.bases) == 1:
        find_recorded_base(about.bases[0], str(index.path), where)
    if of_base:
        base = find_recorded_base(about.bases[0], str(index.path), where)
        options = BaseOptions(pooling=made.get("pooling"), document_prompt=made.get("prompt"))
        where = replace(where, base=str(base.folder), options=options)
    resolved = resolve_reference(about.reference, where)
    max_tokens = made.get("max_tokens")
    return resolved, replace(settings, precision=made.get("precision", settings.precision), max_tokens=max_tokens, dim=about.dim)
