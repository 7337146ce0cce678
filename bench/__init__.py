"""The bench: references scored side by side with their base, always through mteb. Importing this package loads nothing heavy."""

from typing import TYPE_CHECKING

from ..lazy import lazily

if TYPE_CHECKING:
    from .job import BenchJob
    from .outcome import BenchOutcome
    from .prepare import prepare_bench
    from .request import BenchRequest, CachePolicy, OpenReference, Outputs

__all__ = ["BenchJob", "BenchOutcome", "BenchRequest", "CachePolicy", "OpenReference", "Outputs", "prepare_bench"]
_MODULES = {
    "job": ("BenchJob",),
    "outcome": ("BenchOutcome",),
    "prepare": ("prepare_bench",),
    "request": ("BenchRequest", "CachePolicy", "OpenReference", "Outputs"),
}
__getattr__ = lazily(__name__, {name: module for module, names in _MODULES.items() for name in names})
