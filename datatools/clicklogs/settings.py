"""What a click log is read and judged by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ...data.read_options import PLAIN, ReadOptions
from ...errors import ConfigError

AUTO = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClickSettings:
    """How pairs are made of clicks.

    Attributes:
        columns: Field of the log (`LOG_FIELDS`) -> its column, where the usual names are not used.
        template: How the text of an item is made of the catalogue's columns, such as `"{title} {brand}"`; None: all but the id, in their order.
        id_column: The catalogue's column of ids; None: by the usual names.
        examination: How often each position is looked at: `auto` (from randomised lists where there are any, else harvested), a way of
            `ESTIMATORS`, a curve of `CURVES`, or the path of a table with the columns position and examination.
        min_users: How many users a query must come from; 1: queries of one user are kept.
        clip: No click counts as more than so many.
        purchase_weight: So many further clicks a purchase counts.
        per_user: So many times an item counts that one user saw for one query.
        min_clicks: How many clicks, before correction, a positive has at least.
        positive_share: Of the best item of its query, in relevance, what a positive has at least.
        negative_share: The same, what a hard negative has at most.
        min_skips: How often a hard negative was passed over for a click below it.
        positives: At most so many a query.
        negatives: At most so many a query.
        read: How both files are read: their encoding, the sheet, and whether rows that cannot be read are skipped and counted.

    Raises:
        ConfigError: a value is out of its range.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    template: str | None = None
    id_column: str | None = None
    examination: str = AUTO
    min_users: int = 5
    clip: float = 10.0
    purchase_weight: float = 3.0
    per_user: int = 3
    min_clicks: float = 3.0
    positive_share: float = 0.4
    negative_share: float = 0.2
    min_skips: int = 3
    positives: int = 5
    negatives: int = 5
    read: ReadOptions = PLAIN

    def __post_init__(self) -> None:
        for name, least, most in _RANGES:
            value = getattr(self, name)
            if not least <= value <= most or (name == "purchase_weight" and value == _ANY):
                bounds = f"{least:g} or more" if most == _ANY else f"{least:g} to {most:g}"
                raise ConfigError(f"{name} is {value:g}; expected {bounds}")
        if self.negative_share >= self.positive_share:
            raise ConfigError(
                f"negative_share is {self.negative_share:g} and positive_share {self.positive_share:g}; a negative must be less relevant "
                "than a positive"
            )


_ANY = float("inf")
_RANGES = (
    ("min_users", 1, _ANY),
    ("clip", 1, _ANY),
    ("purchase_weight", 0, _ANY),
    ("per_user", 1, _ANY),
    ("min_clicks", 1, _ANY),
    ("positive_share", 0, 1),
    ("negative_share", 0, 1),
    ("min_skips", 1, _ANY),
    ("positives", 1, _ANY),
    ("negatives", 0, _ANY),
)
