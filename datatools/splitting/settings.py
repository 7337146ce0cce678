"""How data are divided."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from ...errors import RequestError, unknown_name

By = Literal["component", "query", "document", "group", "time"]
Undated = Literal["refuse", "train", "drop"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitSettings:
    """How data are divided; one field for each option of `adapt data split`.

    Attributes:
        by: What no split shares: queries that a text or a positive joins (`component`), texts of queries, passages that answer
            (`document`), groups; `time` puts the latest queries into test and those before them into dev.
        dev: Of the queries, a share below 1, or so many; 0: no dev split.
        test: As `dev`.
        seed: Draws the groups. A division by time draws nothing.
        resplit: Whether a dev split that the data have is joined with train and divided anew; else it is refused.
        undated: By time: what becomes of queries without a time.

    Raises:
        RequestError: a share or a word is not one, or nothing is to be held out.
    """

    by: By = "component"
    dev: float = 0.1
    test: float = 0.1
    seed: int = 0
    resplit: bool = False
    undated: Undated = "refuse"

    def __post_init__(self) -> None:
        for name, value, known in (("way to split", self.by, get_args(By)), ("way with undated queries", self.undated, get_args(Undated))):
            if value not in known:
                raise RequestError(unknown_name(name, value, known))
        for name in ("dev", "test"):
            size = getattr(self, name)
            if not (math.isfinite(size) and size >= 0 and (size < 1 or size == int(size))):
                raise RequestError(f"--{name} is {size:g}; expected a share below 1, such as 0.1, or a whole number of queries")
        if self.dev == self.test == 0:
            raise RequestError("neither a dev nor a test split is asked for; give --dev or --test a share, such as 0.1")
        if 0 < self.dev < 1 and 0 < self.test < 1 and self.dev + self.test >= 1:
            raise RequestError(f"dev and test take {self.dev + self.test:g} of the queries, so that none is left to train on")

    def wanted(self, split: Literal["dev", "test"], queries: int) -> int:
        """Return how many of so many queries a split is to have; at least one where it is asked for."""
        size = float(getattr(self, split))
        return int(size) if size >= 1 or size == 0 else max(1, round(size * queries))
