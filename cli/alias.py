"""`adapt alias`: give a version a name of its own, or take one away."""

from pathlib import Path

import click

from .command import Command
from .completion import ALIAS, VERSION
from .options import common_options
from .output import emit


@click.command(name="alias", cls=Command)
@click.argument("reference", type=VERSION)
@click.argument("alias", type=ALIAS)
@click.option("--remove", is_flag=True, help="Take the alias away; REFERENCE may be the bare name.")
@common_options
def command(reference: str, alias: str, remove: bool, json_output: bool, registry_dir: Path | None) -> None:
    """Let ALIAS name REFERENCE, so that NAME@ALIAS finds it; an alias that is there moves."""
    from ..registry import open_registry, split_reference

    registry = open_registry(registry_dir)
    if remove:
        name = split_reference(reference)[0]
        named = f"{name}@{registry.remove_alias(name, alias)}"
        emit({"reference": None, "alias": alias, "before": named}, f"{name}@{alias} is removed; it named {named}", json_output)
        return
    entry = registry.find_reference(reference)
    before = registry.set_alias(entry, alias)
    moved = "" if before in (None, entry.version) else f" (before: {entry.name}@{before})"
    result = {"reference": entry.reference, "alias": alias, "before": None if before is None else f"{entry.name}@{before}"}
    emit(result, f"{entry.name}@{alias} names {entry.reference}{moved}", json_output)
