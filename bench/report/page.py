"""A report as one HTML page that holds all it needs: style, script and charts, and nothing that is fetched."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...pages.page import render_page
from ...pages.table import plain
from ..leaks.leakage import Leakage
from ..result import BenchResult, Comparison
from . import tables
from .charts import curve_charts, gain_chart, recall_chart, scatter_chart
from .costs import Cost
from .curve import WeightCurve
from .examples import Examples
from .facts import TASK_HEADINGS, Facts, task_rows
from .recall import RecallCurve

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a page shows.

    Attributes:
        result: The scores, judged.
        leakage: What of the tasks was seen in training.
        examples: Winners and losers of every task and reference.
        curves: Of the merges whose weights were searched.
        command: The command that gave the result, exactly.
        created: When, as people write it.
        versions: Of the software.
        references: Of each reference, how it came about.
        comparisons: The references compared with each other.
        recall: Of the retrieval tasks.
        costs: Of each reference.
    """

    result: BenchResult
    leakage: Leakage
    examples: Sequence[Examples]
    curves: Sequence[WeightCurve]
    command: str
    created: str
    versions: Facts
    references: Sequence[tuple[str, Facts]]
    comparisons: Sequence[Comparison] = ()
    recall: Sequence[RecallCurve] = ()
    costs: Sequence[Cost] = ()


def render_report(report: Report) -> str:
    """Return the page. Every text of the user's is escaped, and only the page's own script may run."""
    return render_page(
        _HERE,
        "page.html",
        {
            "report": report,
            "result": report.result,
            "title": _title(report.result),
            "overview": tables.overview(report.result),
            "differences": tables.differences(report.result),
            "comparisons": tables.comparisons(report.comparisons),
            "recall": [(curve, recall_chart(curve), tables.recall(curve)) for curve in report.recall],
            "costs": tables.costs(report.costs),
            "examples": [(found, scatter_chart(found)) for found in report.examples],
            "leaks": tables.leaks(report.leakage),
            "seeds": tables.seeds(report.result),
            "requirements": tables.requirements(report.result),
            "tasks": plain(TASK_HEADINGS, task_rows(report.result)),
            "gain_chart": gain_chart(report.result.summary),
            "curves": [(curve, curve_charts(curve)) for curve in report.curves],
        },
    )


def _title(result: BenchResult) -> str:
    names = [reference.name for reference in result.references if reference.base] or [result.references[0].name]
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return ", ".join(names[:2]) + more
