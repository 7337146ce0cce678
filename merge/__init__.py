"""Combine adapters in weight space. The names are imported when they are asked for: the table of methods needs no torch."""

from typing import TYPE_CHECKING

from ..lazy import lazily

if TYPE_CHECKING:
    from .job import MergeJob, explain_merge, prepare_merge
    from .merge import LOW_ENERGY, MergeConfig, MergeResult, merge_factors
    from .methods import METHODS, Method, MethodSettings, find_method
    from .report import MergeReport
    from .request import MergeRequest
    from .weight_search import WeightSearch

__all__ = [
    "LOW_ENERGY",
    "METHODS",
    "MergeConfig",
    "MergeJob",
    "MergeReport",
    "MergeRequest",
    "MergeResult",
    "Method",
    "MethodSettings",
    "WeightSearch",
    "explain_merge",
    "find_method",
    "merge_factors",
    "prepare_merge",
]
_MODULES = {
    "job": ("MergeJob", "explain_merge", "prepare_merge"),
    "merge": ("LOW_ENERGY", "MergeConfig", "MergeResult", "merge_factors"),
    "methods": ("METHODS", "Method", "MethodSettings", "find_method"),
    "report": ("MergeReport",),
    "request": ("MergeRequest",),
    "weight_search": ("WeightSearch",),
}
__getattr__ = lazily(__name__, {name: module for module, names in _MODULES.items() for name in names})
