"""Which texts go through a trained adapter: one table. Importing it loads no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..settings.joined import TrainSettings

_BATCHES = ("positives_per_query", "negatives_per_query", "corpus_negatives", "in_batch_negatives", "frequency_correction")
AGAINST_CORPUS = ("candidates", "rest_sample", "unnamed_weight")
"""Settings that are read where queries are compared with the whole corpus."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A row of the table.

    Attributes:
        objective: The module here and the class in it that the steps of a run are (`open.py`).
        settings: The names of the settings that it reads beside those that all do.
        use: One line: when to use it.
    """

    objective: tuple[str, str]
    settings: tuple[str, ...]
    use: str


SIDES: dict[str, Side] = {
    "both": Side(
        objective=("both", "BothSides"),
        settings=(*_BATCHES, "corpus", *AGAINST_CORPUS),
        use="by default: queries and documents are adapted",
    ),
    "query": Side(
        objective=("query", "QuerySide"),
        settings=AGAINST_CORPUS,
        use="when the documents are embedded already, and stay as they are",
    ),
}


def reads_corpus(settings: TrainSettings) -> bool:
    """Return whether a training compares queries with the stored vectors of the whole corpus."""
    return settings.side == "query" or settings.corpus > 0
