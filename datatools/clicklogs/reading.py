"""A log and a catalogue -> rows: queries tidied, personal data taken out, items found; what was bad is counted or refused."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from ...errors import DataError
from ...events import Events
from ..cleaning.characters import remove_unseen
from .catalogue import Catalogue
from .impressions import Impression, OpenLog
from .privacy import redact
from .rows import LogRows, encode_rows

_TOLD_EVERY = 200_000


@dataclass(slots=True)
class Noticed:
    """What was seen of a log while it was read.

    Attributes:
        read: Rows that could be taken apart.
        redacted: Kind of personal data -> rows whose query held it.
        emptied: Rows whose query held nothing else.
        renamed: Rows whose item has the text of another one, as which it counts.
    """

    read: int = 0
    redacted: Counter[str] = field(default_factory=Counter)
    emptied: int = 0
    renamed: int = 0


def read_rows(log: OpenLog, catalogue: Catalogue, catalogue_path: Path, events: Events) -> tuple[LogRows, Noticed]:
    """Read a log whole, in bounded memory.

    Raises:
        DataError: a row is bad, or its item not in the catalogue, and such rows are not to be skipped; or no rows are left.
    """
    noticed = Noticed()
    rows = encode_rows(_impressions(log, catalogue, catalogue_path, events, noticed))
    if not len(rows.table):
        raise DataError(f"the click log holds no rows that can be used ({noticed.read} read); expected one impression a row")
    return rows, noticed


def _impressions(log: OpenLog, catalogue: Catalogue, catalogue_path: Path, events: Events, noticed: Noticed) -> Iterator[Impression]:
    @lru_cache(maxsize=1 << 16)
    def tidied(query: str) -> tuple[str, tuple[str, ...]]:
        return redact(tidy(query), catalogue.codes)

    for where, read in log.rows:
        noticed.read += 1
        if noticed.read % _TOLD_EVERY == 0:
            events.stage(f"reading the log: {noticed.read:,} rows")
        try:
            impression = read()
            item = _item(where, impression.item, catalogue, catalogue_path)
        except DataError as e:
            log.how.bad.refuse_error(where, e)
            continue
        query, kinds = tidied(impression.query)
        noticed.redacted.update(kinds)
        noticed.renamed += item != impression.item
        if query:
            yield impression._replace(query=query, item=item)
        else:
            noticed.emptied += 1


def tidy(query: str) -> str:
    """Return a query as it counts, is compared and is written: NFKC, in lower case, single blanks, nothing that is not seen.

    What is not seen would also hide a phone number from the patterns of personal data.
    """
    return " ".join(remove_unseen(unicodedata.normalize("NFKC", query)).lower().split())


def _item(where: str, item: str, catalogue: Catalogue, path: Path) -> str:
    found = catalogue.same.get(item)
    if found is None:
        raise DataError(f"{where}: the item {item!r} is not in the catalogue {path} ({len(catalogue.same)} items); add it, or --skip-bad")
    return found
