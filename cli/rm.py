"""`adapt rm`: remove one version."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..plurals import count
from .command import Command
from .completion import OWN_VERSION
from .options import common_options
from .output import emit

if TYPE_CHECKING:
    from ..registry import Removal


@click.command(name="rm", cls=Command)
@click.argument("reference", type=OWN_VERSION)
@click.option("--force", is_flag=True, help="Remove it although an alias or a version made from it needs it.")
@common_options
def command(reference: str, force: bool, json_output: bool, registry_dir: Path | None) -> None:
    """Remove REFERENCE (NAME@VERSION or NAME@ALIAS; NAME alone only where there is one version)."""
    from ..registry import open_registry

    registry = open_registry(registry_dir)
    removal = registry.remove(registry.find_to_remove(reference), force)
    emit(removal.as_dict(), _text(removal), json_output)


def _text(removal: "Removal") -> str:
    from ..plurals import format_size

    lines = [f"removed {removal.entry.reference}: {count(len(removal.entry.files), 'file')}, {format_size(removal.freed_bytes)}"]
    if removal.aliases:
        lines.append(f"with it the aliases {', '.join(removal.aliases)}")
    if whole := [child for child in removal.children if child not in removal.broken]:
        lines.append(f"made from it, and still there: {', '.join(whole)}")
    for ensemble in removal.broken:
        lines.append(f"the ensemble {ensemble} cannot be used without it; to remove that too: adapt rm {ensemble}")
    return "\n".join(lines)
