"""Scoring as a command runs it: a teacher that is not there is refused before the data are read."""

from __future__ import annotations

from ...events import QUIET, Events
from ..job import ToolRequest, run_tool
from ..report import ToolReport
from .settings import ScoreSettings
from .teachers import check_teacher
from .tool import score


def score_source(request: ToolRequest, settings: ScoreSettings, events: Events = QUIET) -> ToolReport:
    """Read data, score their training pairs, and write the result.

    Raises:
        AdaptError: the data or the teacher are not there or malformed, or the result cannot be written.
    """
    check_teacher(settings)
    return run_tool(request, lambda data, told: score(data, settings, told), events)
