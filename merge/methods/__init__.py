"""The methods of merging: one a file, all in one table. Each makes one module's update of its parents' updates."""

from .settings import MethodSettings
from .table import DEFAULT_METHOD, METHODS, Method, find_method

__all__ = ["DEFAULT_METHOD", "METHODS", "Method", "MethodSettings", "find_method"]
