"""The vectors of a corpus as they lie on disk: mapped into memory, in the order of the corpus, and watched for changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch

from ..errors import DataError
from .mapped import WatchedFile

FROM_LENGTH_1 = 0.02
"""What a vector's length may differ from 1 by: twice what bfloat16 rounds a component by."""

Indices = Sequence[int] | torch.Tensor


@dataclass(frozen=True, slots=True)
class StoredVectors:
    """The vectors of a corpus. Row i is that of text i, whatever part it lies in.

    Attributes:
        parts: Each (n_i, d), float32 or bfloat16, rows of length 1; those of a file are mapped, and share its pages with other processes.
        count: The sum of the n_i.
        dimension: d.
        content: A sha256 of all that decided the vectors: encoder, and texts in their order.
        files: What the parts are mapped from, as it was then.
    """

    parts: tuple[torch.Tensor, ...]
    count: int
    dimension: int
    content: str
    files: tuple[WatchedFile, ...] = ()

    def rows(self, indices: Indices) -> torch.Tensor:
        """Return some rows as float32, (len(indices), d), on the CPU.

        Args:
            indices: From 0 to `count` - 1, in any order, also several times.

        Raises:
            IndexError: one is none of these.
        """
        wanted = torch.as_tensor(indices, dtype=torch.int64, device="cpu").reshape(-1)
        if len(wanted) and not (int(wanted.min()) >= 0 and int(wanted.max()) < self.count):
            raise IndexError(f"a row is not one of the {self.count} that are there")
        ends = torch.tensor([len(part) for part in self.parts], dtype=torch.int64).cumsum(0)
        found = torch.empty(len(wanted), self.dimension)
        of_part = torch.searchsorted(ends, wanted, right=True)
        for number in sorted(set(of_part.tolist())):
            here = of_part == number
            start = int(ends[number]) - len(self.parts[number])
            found[here] = self.parts[number][wanted[here] - start].float()
        return found

    def check_unchanged(self) -> None:
        """Refuse files that changed since they were mapped.

        Raises:
            DataError: one did, or is not there any more; the message names it.
        """
        for file in self.files:
            if (problem := file.problem()) is not None:
                raise DataError(
                    f"the vectors changed while they were in use: {file.path} {problem}; start again, and leave the files alone meanwhile"
                )


def pieces(rows: torch.Tensor, size: int) -> Iterator[torch.Tensor]:
    """Yield so many rows at once, the last time fewer; none of no rows."""
    return (rows[start : start + size] for start in range(0, len(rows), size))


def blocks(parts: Iterable[torch.Tensor], size: int, dtype: torch.dtype) -> Iterator[tuple[int, torch.Tensor]]:
    """Yield vectors in parts block by block: the first row's number, and (at most `size`, d) in a type that products are computed in."""
    start = 0
    for part in parts:
        for rows in pieces(part, size):
            yield start, rows.to(dtype)
            start += len(rows)


def in_memory(vectors: torch.Tensor, content: str) -> StoredVectors:
    """Return vectors, (n, d), that lie in memory, as a corpus's: for small ones, and for tests."""
    return StoredVectors(parts=(vectors,), count=len(vectors), dimension=int(vectors.shape[1]), content=content)
