"""A page that holds all it needs: style, script and charts, and nothing that is fetched."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ..shown_text import defuse
from .csv_link import csv_link
from .table import signed

_HERE = Path(__file__).parent


def render_page(folder: Path, template: str, values: Mapping[str, Any]) -> str:
    """Return a page. Every text of the user's is escaped, and only the page's own script may run.

    Args:
        folder: Where the template lies, with what it imports beside the parts here (`sheet.html`, `lines.html`).
        template: Its name. It gets `style`, `script` and `policy` beside the values.
        values: What it shows.
    """
    script = _source("sort.js") + _source("hint.js")
    own = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    chrome = {
        "style": _source("style.css"),
        "script": script,
        "policy": f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{own}'; img-src data:",
    }
    return _environment(folder).get_template(template).render({**chrome, **values})


@cache
def _environment(folder: Path) -> Environment:
    made = Environment(
        loader=FileSystemLoader([folder, _HERE]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    made.filters["signed"] = signed
    made.globals["csv_link"] = csv_link
    return made


def _shown(value: object) -> object:
    """Return a text of the user's that turns no direction of reading beyond itself; what the page made itself stays (`Markup`)."""
    return defuse(value) if type(value) is str else value


def _source(name: str) -> str:
    """Return a file of the package as it is: it is not the user's, and is not escaped."""
    return (_HERE / name).read_text(encoding="utf-8")
