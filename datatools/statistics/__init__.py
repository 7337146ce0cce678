"""What data hold: lengths in a base's tokens, words that it breaks, clusters of queries and of the corpus, how hard the base finds it.

Importing this package loads nothing of it.
"""

from typing import TYPE_CHECKING

from ...lazy import lazily

if TYPE_CHECKING:
    from .job import StatsRequest as StatsRequest
    from .job import measure_source as measure_source
    from .measure import DataStats as DataStats
    from .measure import stats as stats
    from .settings import StatsSettings as StatsSettings

__all__ = ["DataStats", "StatsRequest", "StatsSettings", "measure_source", "stats"]

__getattr__ = lazily(
    __name__,
    {"DataStats": "measure", "StatsRequest": "job", "StatsSettings": "settings", "measure_source": "job", "stats": "measure"},
)
