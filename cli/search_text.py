"""What a search found, as text: for each query its rows by rank, with arrows for what rose and fell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..plurals import be, count
from ..shown_text import one_line
from ..text_tables import cell_width, output_width
from .render import render_line, render_table

if TYPE_CHECKING:
    from ..index.searched import Hit, SearchedQuery, SearchReport

_TEXT_COLUMNS = 60
_MOST_QUERIES = 20
"""Queries whose rows are printed."""


def report_text(report: SearchReport) -> str:
    """Return a search as text: each query, and with judgements what the references found in all."""
    parts = [query_text(report, query) for query in report.queries[:_MOST_QUERIES]]
    if (left := len(report.queries) - _MOST_QUERIES) > 0:
        parts.append(f"{count(left, 'query')} more: --json has them all")
    if report.judged:
        parts.append(_summary(report))
    if report.answers_missing:
        parts.append(f"{count(report.answers_missing, 'answer')} {be(report.answers_missing)} not in the index")
    return "\n\n".join(parts)


def query_text(report: SearchReport, query: SearchedQuery) -> str:
    """Return what was found of a query: a row for each hit, its rank by each reference, and below the known answers that are not among them."""
    headings = (*report.references, "id", "text")
    rows = [(*(_rank(hit, name, report) for name in report.references), _marked(hit), clip(hit.text or "")) for hit in query.hits]
    lines = [render_table(headings, rows, right=report.references, title=f"query: {clip(query.query, 200)}")]
    shown = {hit.id for hit in query.hits}
    lines += [render_line(_answer(answer, report)) for answer in query.answers if answer.id not in shown]
    return "\n".join(lines)


def clip(text: str, columns: int | None = None) -> str:
    """Return a text on one line of at most so many columns of a terminal (None: what is left of its own)."""
    longest = columns or max(_TEXT_COLUMNS, (output_width() or 0) - _TEXT_COLUMNS)
    plain = one_line(text)
    if cell_width(plain) <= longest:
        return plain
    kept, width = "", 1  # of the mark
    for each in plain:
        width += cell_width(each)
        if width > longest:
            break
        kept += each
    return kept + "…"


def _rank(hit: Hit, name: str, report: SearchReport) -> str:
    """Return a rank, with how far it stands from the base's."""
    rank = f"{hit.ranks[name]:,}"
    if report.base is None or name == report.base:
        return rank
    risen = hit.risen(name, report.base)
    return f"{rank} ↑{risen:,}" if risen > 0 else f"{rank} ↓{-risen:,}" if risen < 0 else f"{rank} ="


def _marked(hit: Hit) -> str:
    return f"{one_line(hit.id)} *" if hit.grade else one_line(hit.id)


def _answer(answer: Hit, report: SearchReport) -> str:
    ranks = ", ".join(f"{_rank(answer, name, report)} by {name}" for name in report.references)
    return f"answer {one_line(answer.id)} *: {ranks}"


def _summary(report: SearchReport) -> str:
    found = report.summary()
    measures = [name for name in found[0] if name != "reference"]
    rows = [(str(each["reference"]), *(f"{each[name]:.3f}" for name in measures)) for each in found]
    title = f"{count(len(report.judged), 'judged query')}, {count(report.rows, 'row')}"
    return render_table(("reference", *measures), rows, right=measures, title=title)
