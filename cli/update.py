"""`adapt update`: the newer commit of a version that lies on the Hub."""

from pathlib import Path

import click

from .command import Command
from .completion import NAME
from .options import common_options
from .options.encoder import BaseChoice, base_choice


@click.command(name="update", cls=Command)
@click.argument("name", type=NAME)
@click.option("--strict", is_flag=True, help="Refuse a version whose base is not on this machine, instead of taking it unchecked.")
@base_choice
@common_options
def command(name: str, strict: bool, json_output: bool, registry_dir: Path | None, base: BaseChoice) -> None:
    """Pull what NAME was pulled from again, as a new version, if there is a newer commit."""
    from ..publish.pull.many import update
    from .events import shown
    from .pull import show_pulled

    with shown() as events:
        show_pulled(update(name, base.search(registry_dir), strict=strict, events=events), json_output)
