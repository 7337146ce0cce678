"""`adapt data`: the tools that prepare what an adapter is trained on, one module a verb."""

from __future__ import annotations

import click

from ..lazy_group import LazyGroup

COMMANDS = {
    "clean": ("clean", "Mend texts, drop pairs that would teach something wrong, tell what looks odd."),
    "export": ("export", "Write data in another form: pair lines, or a BEIR folder."),
}
"""Verb -> (module, line in the help)."""


@click.group(cls=LazyGroup, table=COMMANDS, package=__name__)
def command() -> None:
    """Prepare what an adapter is trained on.

    Each tool reads what `adapt train --data` takes, writes what it takes, and says what it dropped or changed and why.
    """
