"""Augmentation as a command runs it: a test split beside the data is read first, so that nothing is made of it."""

from __future__ import annotations

from ...events import QUIET, Events
from ..job import ToolRequest, run_tool
from ..report import ToolReport
from .settings import AugmentSettings
from .tool import augment
from .unseen import read_unseen


def augment_source(request: ToolRequest, settings: AugmentSettings, events: Events = QUIET) -> ToolReport:
    """Read data, add new training queries, and write the result.

    Raises:
        AdaptError: the data or their test split are malformed, a method lacks what it needs or fails, or the result cannot be written.
    """
    events.stage("reading the test split")
    unseen = read_unseen(request.source)
    return run_tool(request, lambda data, told: augment(data, settings, told, unseen=unseen), events)
