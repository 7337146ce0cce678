"""What a tool did, as text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...plurals import count, plural

if TYPE_CHECKING:
    from ...datatools.report import Finding, ToolReport


def describe_report(report: ToolReport) -> str:
    """Return the lines of a report: what there was and is, each finding with its examples, and the notes."""
    return "\n".join(_lines(report))


def _lines(report: ToolReport) -> Iterator[str]:
    changes = [_change(what, report.read.get(what, 0), number) for what, number in report.written.items()]
    yield f"{report.tool}: {', '.join(change for change in changes if change)}"
    for finding in report.findings:
        yield f"  {finding.effect:<8}{_counted(finding)}: {finding.what}"
        yield from (f"          such as: {example}" for example in finding.examples)
    yield from (f"  {note}" for note in report.notes)


def _change(what: str, before: int, after: int) -> str:
    if before == after:
        return f"{after} {what}" if after else ""
    return f"{what} {before} -> {after}"


def _counted(finding: Finding) -> str:
    return count(finding.count, finding.of) if not finding.of.endswith("s") else f"{finding.count} {plural(finding.of)}"
