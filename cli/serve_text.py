"""What `adapt serve --dry-run` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .render import render_table

if TYPE_CHECKING:
    from ..serve.job import ServeJob


def plan_text(job: ServeJob) -> str:
    """Return the names that would be served, and to whom."""
    plan = job.as_dict()
    rows = [(row["name"], row["reference"], row.get("side", ""), row["sha256"][:12]) for row in plan["models"]]
    table = render_table(("model", "version", "side", "content"), rows)
    return f"base: {plan['base']}\n{_whom(plan)}\n\n{table}"


def _whom(plan: dict) -> str:
    keys = f"{plan['keys']} keys" if plan["keys"] else "no key needed"
    hosts = "any" if plan["hosts"] is None else ", ".join(plan["hosts"])
    return f"would listen on {plan['host']}:{plan['port']}, {keys}; Host headers: {hosts}"
