"""Tables, trees and sizes as text."""

import io
import shutil
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType

_WIDTH_IN_A_PIPE = 240


def render(what: "RenderableType") -> str:
    """Return a rich table or tree as text: as wide as the terminal and coloured there, wide and plain in a pipe."""
    from rich.console import Console

    on_terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if on_terminal else _WIDTH_IN_A_PIPE
    console = Console(file=io.StringIO(), width=width, force_terminal=on_terminal, highlight=False)
    console.print(what)
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().rstrip().splitlines())


def format_size(size_bytes: int) -> str:
    """Return a number of bytes as a person reads it: `812 B`, `1.4 MB`."""
    if size_bytes < 1000:
        return f"{size_bytes} B"
    size, units = size_bytes / 1000, ["kB", "MB", "GB"]
    while size >= 999.95 and len(units) > 1:
        size, units = size / 1000, units[1:]
    return f"{size:.1f} {units[0]}"


def format_dev(scores: dict) -> str:
    """Return the dev metric of an entry's scores, before and after; nothing where there is none."""
    dev = scores.get("dev")
    if not isinstance(dev, dict) or dev.get("after") is None:
        return ""
    before = "" if dev.get("before") is None else f"{dev['before']:.3f} -> "
    return f"{dev.get('metric', 'dev')} {before}{dev['after']:.3f}"


def render_table(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a plain table with one line a row; what looks like markup is shown as it is."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return render(table)
