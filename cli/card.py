"""`adapt card`: what a version would be shared with, to look at it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .command import Command
from .completion import REFERENCE
from .options import common_options
from .options.card import card_options
from .options.types import OutputFile
from .output import emit_after, reserve_outputs, say

if TYPE_CHECKING:
    from ..publish.card import CardOptions


@click.command(name="card", cls=Command)
@click.argument("reference", type=REFERENCE)
@click.option("-o", "--output", metavar="FILE", type=OutputFile(), help="Write the card there [default: print it].")
@click.option("--repo", "repo_id", metavar="OWNER/NAME", help="The repository that the examples name.")
@card_options
@common_options
def command(
    reference: str,
    output: Path | None,
    repo_id: str | None,
    make_card: Callable[..., CardOptions],
    json_output: bool,
    registry_dir: Path | None,
) -> None:
    """Write the card of REFERENCE: NAME, NAME@VERSION or NAME@ALIAS. Nothing is sent anywhere."""
    from functools import partial

    from ..files import write_file
    from ..publish.card.job import write_card
    from ..registry import open_registry
    from ..shown_text import defuse

    reserve_outputs({"-o": output}, json_output)
    card = write_card(open_registry(registry_dir), reference, partial(make_card, repo_id=repo_id))
    for question in card.questions:
        say(f"before it is shared: {question}")

    def write() -> None:
        if output is not None:
            write_file(output, card.readme.encode())

    text = f"wrote {output}" if output is not None else defuse(card.readme.rstrip("\n"))
    emit_after(write, card.as_dict(), text, json_output)
