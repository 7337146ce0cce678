"""A search as a job: references that fit an index are found, opened once, and then any number of queries is searched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..choices import SIDES
from ..errors import AdapterError, AdaptError, ConfigError
from ..events import QUIET, Events, note_once
from ..references import (
    EncoderSettings,
    LoadedBases,
    Resolved,
    Search,
    check_has_vectors,
    check_length,
    of_base,
    open_encoder,
    resolve_reference,
)
from ..references.recorded_base import find_recorded_base
from ..registry import open_registry
from .encoding import describe_difference, differing
from .folder import IndexFolder, open_index
from .opened import OpenSearch

if TYPE_CHECKING:
    from ..encoders.protocol import Encoder

_NOT_OF_QUERIES = "max_tokens"  # the length of documents: that of queries may be another


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRequest:
    """Who searches what.

    Attributes:
        index: Its folder.
        references: What embeds the queries; the base is compared with them wherever it fits the index, and searches alone where there is none.
        top: How many rows of each reference are shown, from 1.
        where: Where references are looked for; None: the user's own registry.
        settings: How queries are embedded.
    """

    index: Path
    references: tuple[str, ...]
    top: int = 10
    where: Search | None = None
    settings: EncoderSettings = field(default_factory=EncoderSettings)

    def __post_init__(self) -> None:
        if self.top < 1:
            raise ConfigError(f"{self.top} rows are to be shown; expected at least 1")


@dataclass(frozen=True, slots=True)
class SearchJob:
    """References that are found, and the index that they search."""

    request: SearchRequest
    index: IndexFolder
    references: tuple[Resolved, ...]
    base: str | None

    def open(self, events: Events = QUIET, bases: LoadedBases | None = None, opened: Mapping[str, Encoder] | None = None) -> OpenSearch:
        """Load what embeds the queries, and map the index.

        Args:
            events: Told what is done.
            bases: The networks in memory; None: none is.
            opened: By name, what is open already and searches too, before those that are found.

        Raises:
            ConfigError: nothing embeds the queries.
            AdaptError: a base does not load, weights or the index are damaged, or a reference's documents have other vectors than the index's.
        """
        from ..encoders.truncated import cut_encoder

        events.stage("loading the base")
        bases = bases or LoadedBases(self.request.settings)
        dim = self.index.manifest.dim
        bases.settings = replace(bases.settings, dim=dim)  # a query is cut as the documents were
        encoders = {name: cut_encoder(each, dim) for name, each in (opened or {}).items()}
        encoders |= {each.reference: open_encoder(each, bases) for each in self.references}
        if not encoders:
            raise ConfigError(
                f"no reference is named that embeds queries for {self.index.path}; name {self.index.manifest.reference}, which made it"
            )
        for name, encoder in encoders.items():
            check_fits(self.index, name, encoder)
        return OpenSearch(self.index, encoders, self.base, self.request.top)


def prepare_search(request: SearchRequest, events: Events = QUIET) -> SearchJob:
    """Open the index and find what searches it; no network is loaded.

    Raises:
        AdaptError: the index is not there or damaged, or a reference is not known, lies on another base, or changes documents, which then would
            need vectors of their own.
    """
    index = open_index(request.index)
    where = request.where or Search(registry=open_registry())
    found: dict[str, Resolved] = {}
    for text in request.references:
        resolved = _base_of(index, where) if text == "base" else _resolve(text, index, where)
        check_has_vectors(resolved)
        check_length(resolved, request.settings.max_tokens)
        refuse_side(index, resolved)
        found.setdefault(resolved.reference, resolved)
        note_once(events, resolved.notes)
    base = None
    if is_of_base(index):
        own = next((each for each in found.values() if each.kind == "base"), None) or _base_of(index, where)
        base = own.reference
        found = {name: each for name, each in found.items() if name != base} | {base: own}
    else:
        events.note(f"the index holds the vectors of {index.manifest.reference}, which the base's queries do not fit: it is not compared")
    return SearchJob(request, index, tuple(found.values()), base)


def is_of_base(index: IndexFolder) -> bool:
    """Return whether an index holds the vectors of one base as it is; a whole model is called by its version, and is no base of others."""
    about = index.manifest
    return about.encoder.get("factors", "") is None and all(base.name != about.reference for base in about.bases)


def refuse_side(index: IndexFolder, resolved: Resolved) -> None:
    """Refuse what changes documents too where the index holds those of the base: as its kind and side tell, before anything is loaded.

    Raises:
        AdapterError: it does.
    """
    if is_of_base(index) and resolved.kind != "base" and resolved.side != "query":
        raise AdapterError(
            f"{resolved.reference} is for {SIDES[resolved.side]}, and {index.path} holds the vectors that {index.manifest.base_labels} gives "
            f"documents: its queries do not fit them. Train one for queries alone (adapt train --side query), or embed the corpus with it: "
            f"adapt index build CORPUS -o DIR --ref {resolved.reference}"
        )


def check_fits(index: IndexFolder, reference: str, encoder: Encoder) -> None:
    """Refuse a reference whose documents have other vectors than the index's.

    Raises:
        AdapterError: they have.
    """
    kept, own = index.manifest.encoder, encoder.content("document")
    if keys := [key for key in differing(kept, own) if key != _NOT_OF_QUERIES]:
        raise AdapterError(
            f"{reference} does not fit {index.path}, which {index.manifest.reference} on {index.manifest.base_labels} made: "
            f"{describe_difference(keys[0], kept, own)}; embed the corpus with it: adapt index build CORPUS -o DIR --ref {reference}"
        )


def _resolve(text: str, index: IndexFolder, where: Search) -> Resolved:
    """Find a reference: of a name, the version on the index's base before any other."""
    bases = index.manifest.bases
    if where.base is None and len(bases) == 1 and "@" not in text:
        try:
            return resolve_reference(text, replace(where, base=str(find_recorded_base(bases[0], str(index.path), where).folder)))
        except AdaptError:  # it is on another base, or not at all: what follows says so
            pass
    return resolve_reference(text, where)


def _base_of(index: IndexFolder, where: Search) -> Resolved:
    """Return the base of an index, texts going in as they did.

    Raises:
        BaseError: it is not here, or another was named.
        AdapterError: the index is that of an ensemble on several bases.
    """
    from ..base.encoding import encoding_of

    about = index.manifest
    if len(about.bases) > 1:
        raise AdapterError(f"{index.path} holds the vectors of {about.reference} on {about.base_labels}; name what made it, and not base")
    spec = find_recorded_base(about.bases[0], str(index.path), where)
    options = where.options
    made = {"pooling": about.encoder.get("pooling"), "document_prompt": about.encoder.get("prompt")}
    kept = replace(options, **{name: value for name, value in made.items() if getattr(options, name) is None})
    return of_base(spec, encoding_of(spec, kept))
