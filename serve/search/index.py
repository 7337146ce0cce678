"""An index as a server searches it: a query's vector -> its nearest rows, with their texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ...index.folder import IndexFolder
from ...index.job import check_fits, refuse_side

if TYPE_CHECKING:
    from ...encoders.protocol import Encoder, Vectors
    from ...index.vectors import StoredVectors
    from ...references import Resolved


@dataclass(frozen=True, slots=True)
class Item:
    """A row that was found: its id, its cosine, its number, and the index in which it was."""

    id: str
    score: float
    row: int
    index: SearchIndex

    def about(self) -> dict[str, Any]:
        """Return its id, and its title and text where they are known."""
        if (given := self.index.texts.get(self.id)) is not None:
            title, text = given
            return {"id": self.id} | ({"title": title} if title else {}) | {"text": text}
        kept = self.index.folder.text(self.row)
        return {"id": self.id} if kept is None else {"id": self.id, "text": kept}


@dataclass(eq=False)
class SearchIndex:
    """An index that is open.

    Attributes:
        folder: Which one.
        texts: Id -> title and text, which are told in place of those that the index keeps; empty: none were given.
    """

    folder: IndexFolder
    texts: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @cached_property
    def _vectors(self) -> StoredVectors:
        return self.folder.vectors()

    def open(self) -> None:
        """Map its files; raises a DataError where one is not there or damaged."""
        self._vectors.check_unchanged()

    def refuse_side(self, resolved: Resolved) -> None:
        """Refuse, before it is loaded, what changes documents where these are the base's; raises an AdapterError."""
        refuse_side(self.folder, resolved)

    def check_fits(self, reference: str, encoder: Encoder) -> None:
        """Refuse what gives documents other vectors than these; raises an AdapterError."""
        from ...encoders.truncated import cut_encoder

        check_fits(self.folder, reference, cut_encoder(encoder, self.folder.manifest.dim))

    def nearest(self, vectors: Vectors, k: int) -> list[list[Item]]:
        """Return the rows nearest to each query, the best first.

        Args:
            vectors: (q, d) float32 of length 1; what the index cut off its vectors is cut off these too.
            k: How many; all, where there are fewer.
        """
        import torch

        from ...encoders.truncated import truncate
        from ...index.search import best_rows

        dim = self.folder.manifest.dim
        found = best_rows(torch.from_numpy(truncate(vectors, dim) if dim else vectors), self._vectors, k)
        return [
            [Item(self.folder.id(row), score, row, self) for row, score in zip(rows, scores, strict=True)]
            for rows, scores in zip(found.rows.tolist(), found.scores.tolist(), strict=True)
        ]
