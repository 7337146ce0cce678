"""What the user calls several sources of one run: words, each of which may have a weight."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path

from ..choices import DATA_WORDS
from ..errors import DataError
from .read.files import table_suffix
from .readers import TABLE_SUFFIXES

HF, MTEB = "hf:", "mteb:"
SET_PREFIXES = (HF, MTEB)
"""What the name of a set begins with (`named_sets.py`)."""


@dataclass(frozen=True, slots=True)
class WeightedSource:
    """A source, and what the weights of its pairs are multiplied by, above 0."""

    source: str
    weight: float = 1.0

    def __str__(self) -> str:
        return self.source if self.weight == 1 else f"{self.source}={self.weight:g}"


@dataclass(frozen=True, slots=True)
class Sources:
    """Several sources, which are joined."""

    parts: tuple[WeightedSource, ...]

    @property
    def has_own_data(self) -> bool:
        """Whether all are the user's, and none is the domain's."""
        return not any(part.source in DATA_WORDS for part in self.parts)

    def __str__(self) -> str:
        return " + ".join(map(str, self.parts))


def name_sources(words: Sequence[str | PathLike[str]]) -> str | Sources | None:
    """Return what some words name: nothing, one source as it is, or several (or one with a weight), each SOURCE or SOURCE=WEIGHT.

    Raises:
        DataError: a weight is not a number above 0, or a source is named twice.
    """
    parts = tuple(_weighted(fspath(word)) for word in words)
    if not parts:
        return None
    names = [part.source for part in parts]
    if twice := [name for name in names if names.count(name) > 1]:
        raise DataError(f"{twice[0]} is given twice; give it once, with a weight such as {twice[0]}=2 if it is to count more")
    return parts[0].source if len(parts) == 1 and parts[0].weight == 1 else Sources(parts)


def find_sources(source: object) -> object:
    """Return several sources for a list of their names; anything else as it is. In a list of pairs no element is a name.

    Raises:
        DataError: as `name_sources`.
    """
    if isinstance(source, list | tuple) and source and all(map(_is_name, source)):
        return name_sources(source)
    return source


def _is_name(each: object) -> bool:
    if not isinstance(each, str):
        return isinstance(each, PathLike)
    name = _weighted(each).source
    return name in DATA_WORDS or name.startswith(SET_PREFIXES) or table_suffix(Path(name)) in TABLE_SUFFIXES or Path(name).exists()


def _weighted(word: str) -> WeightedSource:
    source, equals, number = word.rpartition("=")
    if not equals or not source or Path(word).expanduser().exists():
        return WeightedSource(word)
    try:
        weight = float(number)
    except ValueError:
        return WeightedSource(word)  # a path with an equals sign in it
    if not math.isfinite(weight) or weight <= 0:
        raise DataError(f"the weight of {source} is {number}; expected a number above 0")
    return WeightedSource(source, weight)
