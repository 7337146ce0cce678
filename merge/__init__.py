"""Combine adapters in weight space. The names are imported when they are asked for: the table of methods needs no torch."""

from typing import TYPE_CHECKING

from ..lazy import lazily

if TYPE_CHECKING:
    from .merge import LOW_ENERGY, MergeConfig, MergeResult, merge_factors
    from .methods import METHODS, Method, MethodSettings, find_method

__all__ = ["LOW_ENERGY", "METHODS", "MergeConfig", "MergeResult", "Method", "MethodSettings", "find_method", "merge_factors"]
_LIGHT = ("METHODS", "Method", "MethodSettings", "find_method")
__getattr__ = lazily(__name__, {name: "methods" if name in _LIGHT else "merge" for name in __all__})
