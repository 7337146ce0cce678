"""Candidate bases side by side on one set of data: what they find, how quick and how large. Importing this package loads nothing of it."""

from typing import TYPE_CHECKING

from ...lazy import lazily

if TYPE_CHECKING:
    from .compare import BaseScores as BaseScores
    from .compare import Comparison as Comparison
    from .compare import compare_bases as compare_bases
    from .job import CompareRequest as CompareRequest
    from .job import compare_on_source as compare_on_source

__all__ = ["BaseScores", "CompareRequest", "Comparison", "compare_bases", "compare_on_source"]

__getattr__ = lazily(
    __name__,
    {"BaseScores": "compare", "CompareRequest": "job", "Comparison": "compare", "compare_bases": "compare", "compare_on_source": "job"},
)
