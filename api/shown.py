"""Rows of plain data as a notebook shows them, and an adapter as one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from ..shown_text import one_line


def as_line(about: Mapping[str, Any]) -> str:
    """Return an adapter's facts (`Adapter.as_dict`) as one line."""
    told = ("kind", "base", "domain") if about["side"] == "both" else ("kind", "side", "base", "domain")
    named = [f"{name}={about[name]!r}" for name in told if about[name] is not None]
    return f"Adapter({', '.join([repr(about['reference']), *named, *_scores(about['scores'])])})"


def as_html(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as an HTML table, whose columns are the keys of them all; every text in it is escaped."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    head = "".join(f"<th>{escape(one_line(name))}</th>" for name in columns)
    body = "".join(f"<tr>{''.join(f'<td>{escape(_cell(row.get(name)))}</td>' for name in columns)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _scores(scores: Mapping[str, Mapping[str, Any]]) -> list[str]:
    return [
        f"{one_line(data)} {one_line(str(each['metric']))} {_cell(each['before'])} -> {_cell(each['after'])}"
        for data, each in scores.items()
    ]


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case float():
            return f"{value:.4f}"
        case {"low": low, "high": high, "difference": difference}:
            return f"{difference:+.4f}" if low is None or high is None else f"{difference:+.4f} [{low:+.4f}, {high:+.4f}]"
        case Mapping():
            return ", ".join(_scores(value))
        case _:
            return one_line(str(value))
