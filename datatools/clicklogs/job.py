"""How the command runs the tool: everything refused before the log is read, and the result written whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from ...errors import ConfigError
from ...events import QUIET, Events
from ..job import check_out, refuse_source, write_data, write_report
from ..report import ToolReport
from .clicks import click_pairs
from .examination import CURVES, ESTIMATORS
from .settings import AUTO, ClickSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class ClickRequest:
    """What is read, how, and where the pairs go.

    Raises:
        ConfigError: the output is an input or cannot be written, or the examination is neither a word nor a file.
    """

    log: Path
    catalogue: Path
    out: Path
    settings: ClickSettings = field(default_factory=ClickSettings)

    def __post_init__(self) -> None:
        for given in (self.log, self.catalogue):
            refuse_source(given, self.out)
        way = self.settings.examination
        if way not in (words := (AUTO, *ESTIMATORS, *CURVES)) and not Path(way).exists():
            raise ConfigError(
                f"--examination is {way!r}; expected {', '.join(words)}, or a table with the columns position and examination"
            )
        check_out(self.out)


def run_clicks(request: ClickRequest, events: Events = QUIET) -> ToolReport:
    """Make the pairs, write them and the report.

    Raises:
        AdaptError: as `click_pairs`, or the result cannot be written.
    """
    made = click_pairs(request.log, request.catalogue, request.settings, events)
    events.stage(f"writing {request.out}")
    report = replace(made.report, notes=(*made.report.notes, *write_data(request.out, made.data)))
    write_report(request.out, report)
    return report
