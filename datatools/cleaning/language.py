"""The language of a row, judged on query and passage together, among the languages that the set is in.

Short texts are often judged wrongly alone: py3langid (https://github.com/adbar/py3langid) takes 44 of 600 English medical questions for
another language, and none of the rows that they stand in. Cantonese, Wu and any script of Chinese count as Chinese.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

from .content import Hits
from .language_codes import LANGUAGES
from .rows import Rows

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

_CHINESE = frozenset(("zh", "yue", "wuu"))
_READ = 1000  # characters of a passage
_MAIN, _LOOKED_AT = 0.1, 2000
_CERTAIN, _UNLIKELY = 0.5, 0.05


def main_languages(rows: Rows) -> tuple[str, ...]:
    """Return the languages that a tenth of the rows or more are in, the most frequent first; none for no rows.

    Of many rows, some that are evenly spread are looked at.
    """
    some = islice(rows.positives(), 0, None, max(1, rows.pairs.pair_count // _LOOKED_AT))
    counts = Counter(_best(query, passage)[0] for _, query, passage in some)
    enough = min(_MAIN * counts.total(), max(counts.values(), default=0))
    return tuple(language for language, number in counts.most_common() if number >= enough)


def other_language(rows: Rows, main: tuple[str, ...]) -> Hits:
    """Find rows that are in none of the main languages: another is likely, and all of these are unlikely."""
    for row in rows.positives():
        best, shares = _best(row[1], row[2])
        if best not in main and shares[best] >= _CERTAIN and sum(shares.get(language, 0.0) for language in main) <= _UNLIKELY:
            yield row


def _best(query: str, passage: str) -> tuple[str, dict[str, float]]:
    shares: Counter[str] = Counter()
    for language, share in _identifier().rank(f"{query}\n{passage[:_READ]}"):
        shares["zh" if language in _CHINESE else language] += share
    return max(shares, key=lambda language: (shares[language], language)), dict(shares)


@lru_cache
def _identifier() -> LanguageIdentifier:
    """Return an identifier of its own, so that no other user of the library is restricted to `LANGUAGES`."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages([*LANGUAGES, "yue", "wuu"])
    return identifier
