"""The methods of merging: one a file, all in one table. Each makes one module's update of its parents' updates."""

from .parts import MethodSettings, Part
from .table import METHODS, Method, find_method

__all__ = ["METHODS", "Method", "MethodSettings", "Part", "find_method"]
