"""Mining as a command runs it: what cannot be found is refused before the data are read."""

from __future__ import annotations

from ...events import QUIET, Events
from ..job import ToolRequest, run_tool
from ..report import ToolReport
from .open import check_references
from .settings import MineSettings
from .tool import mine


def mine_source(request: ToolRequest, settings: MineSettings, events: Events = QUIET) -> ToolReport:
    """Read data, mine hard negatives for its training queries, and write the result.

    Raises:
        AdaptError: the data, a reference or the cross-encoder are not there or malformed, or the result cannot be written.
    """
    check_references(settings)
    return run_tool(request, lambda data, told: mine(data, settings, told), events)
