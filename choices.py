"""Closed choices that options, settings and the code behind them share. Importing this module loads nothing."""

from typing import Literal

Role = Literal["query", "document"]
Side = Literal["both", "query", "document"]
"""Which texts an adapter changes; those of the other role have the vectors of its base."""

SIDES: dict[Side, str] = {"both": "queries and documents", "query": "queries alone", "document": "documents alone"}
"""Side -> what an adapter is for, in words."""

Precision = Literal["auto", "fp32", "bf16"]
TrainedSide = Literal["both", "query"]
"""Which texts go through a trained adapter."""

StoreDtype = Literal["fp16", "bf16", "fp32"]
"""Number format of an adapter's file."""

CacheFrozen = Literal["auto", "true", "false"]
"""Whether the states below the first trained layer are kept: where they pay and fit, always, or never."""

GramRank = int | Literal["full"]
"""How a Gram matrix is kept: beside its diagonal, in so many dimensions; or exactly."""

MAX_TOKENS = 256
"""Longest text in training and in dev scores, in tokens, by default."""

DATA_WORDS = ("sample", "hub")
"""What `--data` takes beside paths."""

PICTURES = (".svg", ".png")
"""What a file's name ends in that `adapt merge --plot` writes."""

DEVICES = ("cuda", "mps", "cpu")
"""The kinds of devices, the best first."""

CardLanguage = Literal["en", "zh"]
"""The languages in which a card's text ships."""
