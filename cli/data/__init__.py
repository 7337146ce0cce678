"""`adapt data`: the tools that prepare what an adapter is trained on, one module a verb."""

from __future__ import annotations

import click

from ..lazy_group import LazyGroup

COMMANDS = {
    "augment": ("augment", "Make more training queries of those, and of the passages, that are there."),
    "glossary": ("glossary", "Make training pairs of a glossary."),
    "rules": ("rules", "Apply a domain's rules: what a passage must hold, or must not."),
    "mine": ("mine", "Find hard negatives for the training queries."),
    "score": ("score", "Give pairs a teacher's scores, for distillation."),
    "clean": ("clean", "Mend texts, drop pairs that would teach something wrong, tell what looks odd."),
    "split": ("split", "Divide data into train, dev and test that share nothing."),
    "stats": ("stats", "Say what data hold, and how hard a base finds them."),
    "export": ("export", "Write data in another form: pair lines, or a BEIR folder."),
}
"""Verb -> (module, line in the help)."""


@click.group(cls=LazyGroup, table=COMMANDS, package=__name__)
def command() -> None:
    """Prepare what an adapter is trained on.

    Each tool reads what `adapt train --data` takes, writes what it takes, and says what it dropped or changed and why.
    """
