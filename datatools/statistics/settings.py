"""What is measured of data."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import RequestError

MOST_PASSAGES = 100_000
"""Of a larger corpus, so many passages are drawn to be clustered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatsSettings:
    """What is measured; one field for each option of `adapt data stats`.

    Attributes:
        vectors: Whether queries and corpus are embedded: for clusters, and for how hard the base finds the data.
        clusters: Of the queries, and of the corpus; None: by their number.
        seed: Of the clusters, and of what is drawn.
        most_queries: Of more training queries, so many are drawn to be embedded.

    Raises:
        RequestError: a number is too small.
    """

    vectors: bool = True
    clusters: int | None = None
    seed: int = 0
    most_queries: int = 20_000

    def __post_init__(self) -> None:
        if self.clusters is not None and self.clusters < 2:
            raise RequestError(f"the number of clusters is {self.clusters}; expected 2 or more")
        if self.clusters is not None and not self.vectors:
            raise RequestError("--clusters says how vectors are clustered, and --no-vectors computes none; leave one of them out")
