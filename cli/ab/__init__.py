"""`adapt ab`: comparisons on live traffic, one module a verb."""

from __future__ import annotations

import click

from ..lazy_group import LazyGroup

COMMANDS = {
    "report": ("report", "Say which arm is better, and how sure that is."),
    "plan": ("plan", "Say how much traffic a difference needs."),
    "forget": ("forget", "Remove every line of a user from an event log."),
}
"""Verb -> (module, line in the help)."""


@click.group(cls=LazyGroup, table=COMMANDS, package=__name__)
def command() -> None:
    """Compare adapters on live traffic: plan a test, and read what `adapt serve --events` logged."""
