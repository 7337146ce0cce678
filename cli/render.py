"""Tables and facts for stdout, and scores as text."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..text_tables import TextTable, fold, lay_out, lay_out_facts, output_width

if TYPE_CHECKING:
    from ..registry import ScoreRecord


def render_table(
    headings: tuple[str, ...], rows: Sequence[tuple[str, ...]], *, right: Sequence[str] = (), prose: Sequence[str] = (), title: str = ""
) -> str:
    """Return rows as text, as wide as the terminal and whole in a pipe; see `TextTable`."""
    return render(TextTable(headings, rows, title, frozenset(right), frozenset(prose)))


def render(table: TextTable) -> str:
    """Return a table as text, as wide as the terminal and whole in a pipe."""
    return lay_out(table, output_width())


def render_facts(facts: Sequence[tuple[str, str]]) -> str:
    """Return names with values as text, as wide as the terminal."""
    return lay_out_facts(facts, output_width())


def render_line(text: str) -> str:
    """Return a line, broken between words where a terminal would break it within one."""
    return "\n".join(fold(text, output_width()))


def format_dev(dev: "ScoreRecord | None") -> str:
    """Return a score on dev, before and after; nothing where there is none."""
    if dev is None or dev.after is None:
        return ""
    before = "" if dev.before is None else f"{dev.before:.3f} -> "
    return f"{dev.metric} {before}{dev.after:.3f}"
