"""What `adapt serve --dry-run` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..plurals import count
from .render import render_table

if TYPE_CHECKING:
    from ..serve.job import ServeJob
    from ..serve.search.job import SearchJob


def plan_text(job: ServeJob, search: SearchJob | None) -> str:
    """Return the names that would be served, to whom, and what would be searched and compared."""
    plan = job.as_dict()
    rows = [(row["name"], row["reference"], row.get("side", ""), row["sha256"][:12]) for row in plan["models"]]
    table = render_table(("model", "version", "side", "content"), rows)
    return "\n".join([f"base: {plan['base']}", _whom(plan), *(_searched(search) if search else ()), table])


def _searched(search: SearchJob) -> list[str]:
    """Return what would be searched, compared and kept, a line each."""
    about = search.as_dict()
    lines = [f"would search {about['index']}, {about['rows']} rows"]
    if "arms" in about:
        arms = ", ".join(f"{arm['name']} {arm['share']:.4g}" for arm in about["arms"])
        lines.append(f"would compare ({about['compared']}): {arms}")
    return [*lines, *([f"would write queries, results and events to {about['events']}"] if "events" in about else [])]


def _whom(plan: dict) -> str:
    keys = count(plan["keys"], "key") if plan["keys"] else "no key needed"
    hosts = "any" if plan["hosts"] is None else ", ".join(plan["hosts"])
    return f"would listen on {plan['host']}:{plan['port']}, {keys}; Host headers: {hosts}"
