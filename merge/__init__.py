"""Combine adapters in weight space."""

from .merge import LOW_ENERGY, MergeConfig, MergeResult, merge_factors
from .methods import METHODS, Method, find_method
from .methods.parts import MethodSettings

__all__ = ["LOW_ENERGY", "METHODS", "MergeConfig", "MergeResult", "Method", "MethodSettings", "find_method", "merge_factors"]
