"""What a reference, or anything that it was made from, was trained on: the sketches that lie beside trained adapters."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...data.training_texts import TextSketch, read_sketch
from ...errors import AdaptError
from ...references import Located, Resolved, Search, locate_reference
from ...registry.index import ENTRY


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedOn:
    """The training texts behind a reference.

    Attributes:
        reference: Whose they are.
        sketches: Of the adapter itself, or of all adapters that a merge or an ensemble goes back to, by their references.
        unknown: Those of them that have no sketch, or are not available.
    """

    reference: str
    sketches: dict[str, TextSketch]
    unknown: tuple[str, ...] = ()


def trained_on(resolved: Resolved, search: Search) -> TrainedOn:
    """Find the training texts behind a reference; of a base nothing is known, and nothing is reported.

    Raises:
        AdapterError: a sketch is damaged.
    """
    found: dict[str, TextSketch | None] = {}
    for part in resolved.members or (resolved,):
        if part.kind != "base":
            start = Located(reference=part.reference, folder=part.folder, entry=part.entry)
            found.update(_ancestors(start, search, frozenset()))
    return TrainedOn(
        reference=resolved.reference,
        sketches={name: sketch for name, sketch in found.items() if sketch is not None},
        unknown=tuple(name for name, sketch in found.items() if sketch is None),
    )


def _ancestors(at: Located, search: Search, below: frozenset[str]) -> Iterator[tuple[str, TextSketch | None]]:
    """Yield every trained thing that something goes back to, with its sketch (None: it has none)."""
    if at.reference == "base":
        return
    parents = [parent.reference for parent in at.entry.parents] if at.entry else []
    if not parents or (at.entry is not None and at.entry.data is not None):  # what was trained itself, whatever it started from
        yield at.reference, read_sketch(at.folder) if at.folder else None  # what is in memory alone has none
    for reference in (*parents, *_models_below(at)):
        if reference not in below | {at.reference}:
            try:
                parent = locate_reference(reference, search)
            except AdaptError:
                yield reference, None
            else:
                yield from _ancestors(parent, search, below | {at.reference})


def _models_below(at: Located) -> Iterator[str]:
    """Yield the folders of versions that something lies on: whole models, which were trained themselves."""
    for base in at.entry.bases if at.entry else ():
        if base.path is not None and (Path(base.path) / ENTRY).is_file():
            yield base.path
