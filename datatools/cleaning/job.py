"""Cleaning as a command runs it: the test split beside the data is cleaned by the same rules, and none of its rows is dropped."""

from __future__ import annotations

from ...data.pairs import TrainingData
from ...events import QUIET, Events
from ..job import ToolRequest, run_tool
from ..report import Prepared, ToolReport
from .recipe import clean
from .settings import CleanSettings
from .text_pass import clean_test


def clean_source(request: ToolRequest, settings: CleanSettings, events: Events = QUIET) -> ToolReport:
    """Read data, clean them, and write the result.

    Raises:
        AdaptError: the data or the base whose tokens are counted are not there or malformed, or the result cannot be written.
    """

    def work(data: TrainingData, told: Events) -> Prepared:
        return clean(data, settings, told)

    return run_tool(request, work, events, lambda test, before, after: clean_test(*test, settings, (before, after)))
