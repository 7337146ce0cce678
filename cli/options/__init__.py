"""Options: the types of their values, and groups of them that reach a command as one object."""

from .gather import gathered
from .shared import base_options, common_options, dangling_option, machine_options
from .types import RANK, WEIGHTS, Choice, Finite, FiniteRange, OutputFile, OutputFolder, WholeNumber

__all__ = [
    "RANK",
    "WEIGHTS",
    "Choice",
    "Finite",
    "FiniteRange",
    "OutputFile",
    "OutputFolder",
    "WholeNumber",
    "base_options",
    "common_options",
    "dangling_option",
    "gathered",
    "machine_options",
]
