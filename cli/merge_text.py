"""What `adapt merge` says of a merge, an explanation, a search and its curve: text and tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..text_tables import TextTable
from .render import render, render_line

if TYPE_CHECKING:
    from ..merge.explain import Explanation
    from ..merge.figures import Figures
    from ..merge.report import MergeReport
    from ..merge.search.job import FoundWeights
    from ..merge.search.weights import SearchResult
    from ..registry.search_file import Curve, GeneralKind, Measurement, Point


def report_text(report: MergeReport) -> str:
    """Return what a merge has given, the tables of a search before it, for people."""
    shares = ", ".join(f"{weight:.4g} {name}" for name, weight in zip(report.parents, report.weights, strict=True))
    scaled = "" if report.config.with_base == 1 else f", scaled by {report.config.with_base:g}"
    lines = [
        *([report.entry.reference] if report.entry else []),
        *(_found_lines(report.search) if report.search else []),
        f"method       {report.config.method}{scaled}",
        f"weights      {shares}",
        f"rank         {report.result.rank}, energy kept {report.result.energy:.4f}",
        *(["documents    have the vectors of the base: the merge is for queries alone"] if report.side == "query" else []),
        *([f"adapter      {report.path}", f"size         {report.size / 1e6:.2f} MB"] if report.entry else ["nothing is written"]),
    ]
    return "\n".join(lines)


def explanation_text(explanation: Explanation) -> str:
    """Return the table of an explanation, and what it suggests."""
    suggestions = (render_line(f"- {suggestion}") for suggestion in explanation.suggestions)
    return "\n".join([render(explanation_table(explanation)), "", *suggestions])


def _found_lines(found: FoundWeights) -> list[str]:
    tables = [("scores on dev", search_table(found.result)), *(curve_tables(found.curve) if found.curve else [])]
    return [f"{title}\n{render(table)}\n" for title, table in tables]


def explanation_table(explanation: Explanation, *, modules: bool = False) -> TextTable:
    """Return, for each pair, a row in all and one a layer, or one a module where `modules` is set."""
    headings = ("pair", "where", "norms", "cosine", "columns (chance)", "rows (chance)", "sign conflicts", "among the top 20 %")
    rows = []
    for pair in explanation.pairs:
        for row, figures in enumerate((pair.whole, *(pair.modules if modules else pair.layers))):
            rows.append((f"{pair.first}, {pair.second}" if row == 0 else "", figures.name, *_cells(figures)))
    return TextTable(headings, rows)


def search_table(result: SearchResult) -> TextTable:
    """Return the base, each parent alone, the start and the merge that was chosen, each with its scores."""
    headings = ("", "weights", *result.domains, _general_heading(result.general_kind), "gain kept")
    goal = result.goal
    start = next((evaluation for evaluation in result.evaluations if evaluation.point == result.start), None)
    lines = [("base", "", goal.base), *((name, "", parent) for name, parent in zip(result.names, goal.parents, strict=True))]
    if start is not None and start is not result.best:
        lines.append(("softmax of losses", _weights(start.point), start.measurement))
    lines.append(("chosen", _weights(result.best.point), result.best.measurement))
    rows = [
        (name, weights, *_scores(measurement, result.domains), f"{goal.score(measurement):.1%}") for name, weights, measurement in lines
    ]
    return TextTable(headings, rows)


def curve_tables(curve: Curve) -> list[tuple[str, TextTable]]:
    """Return a table for each line, with what its x is."""
    headings = ("x", "weights", *curve.domains, _general_heading(curve.general_kind))
    base = ("base", "", *_scores(curve.base, curve.domains))
    return [
        (
            line.axis,
            TextTable(
                headings,
                [base, *((f"{each.x:.2f}", _weights(each.point), *_scores(each.measurement, curve.domains)) for each in line.points)],
            ),
        )
        for line in curve.lines
    ]


def _cells(figures: Figures) -> tuple[str, ...]:
    return (
        " / ".join(f"{norm:.3g}" for norm in figures.norms),
        _number(figures.cosine),
        _with_chance(figures.column_overlap, figures.column_chance),
        _with_chance(figures.row_overlap, figures.row_chance),
        _percent(figures.sign_conflicts),
        _percent(figures.top_sign_conflicts),
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{round(value, 3) + 0.0:.3f}"  # adding 0 turns -0.0 into 0.0


def _with_chance(value: float | None, chance: float | None) -> str:
    return "-" if value is None else f"{_number(value)} ({_number(chance)})"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _weights(point: Point) -> str:
    weights = ", ".join(f"{weight:g}" for weight in point.weights)
    return weights if point.density is None else f"{weights}; density {point.density:g}"


def _scores(measurement: Measurement, domains: Sequence[str]) -> tuple[str, ...]:
    return (*(f"{measurement.ndcg[domain]:.4f}" for domain in domains), f"{measurement.general:.4f}")


def _general_heading(kind: GeneralKind) -> str:
    return "general (Spearman)" if kind == "spearman" else "closeness to the base"
