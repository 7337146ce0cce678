"""`adapt base`: which bases are known and at hand, and making one findable under its Hub id."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .options import common_options
from .output import emit


@click.group()
def command() -> None:
    """The bases that are known and at hand."""


@command.command("list")
@common_options
def list_command(json_output: bool, **_: Any) -> None:
    """List the known bases, and where each one lies."""
    from ..base.known import KNOWN_BASES
    from ..base.places import at_hand
    from .render import render_table

    rows = []
    for known in KNOWN_BASES.values():
        place = at_hand(known)
        rows.append((known, place))
    result = [
        {
            "alias": known.alias,
            "hub_id": known.hub_id,
            "dimension": known.dimension,
            "max_tokens": known.max_tokens,
            "language": known.language,
            "sha256": known.sha256,
            "folder": str(place[0]) if place else None,
            "found_in": place[1] if place else None,
        }
        for known, place in rows
    ]
    cells = [
        (
            known.alias,
            known.hub_id,
            str(known.dimension),
            str(known.max_tokens),
            known.language,
            "known" if known.sha256 else "-",
            f"{place[1]}: {place[0]}" if place else "not here",
        )
        for known, place in rows
    ]
    emit({"bases": result}, render_table(("alias", "Hub id", "d", "tokens", "language", "sha256", "at hand"), cells), json_output)


@command.command("link")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--as", "alias", required=True, metavar="ALIAS", help="The known base whose weights the folder holds.")
@click.option("--undo", is_flag=True, help="Remove what linking wrote.")
@common_options
def link_command(folder: Path | None, alias: str, undo: bool, json_output: bool, **_: Any) -> None:
    """Make a verified FOLDER findable under its Hub id, in the Hugging Face cache."""
    from ..base.link import link_base, unlink_base

    if undo:
        removed = unlink_base(alias)
        emit({"removed": str(removed)}, f"removed {removed}", json_output)
        return
    if folder is None:
        raise click.UsageError("give the base's FOLDER")
    link = link_base(folder.expanduser(), alias)
    text = f"{link.hub_id} is found in the Hugging Face cache now (weights: {link.how})\n{link.snapshot}\n" + "\n".join(
        f"  {file}" for file in link.files
    )
    emit({"hub_id": link.hub_id, "snapshot": str(link.snapshot), "files": list(link.files), "weights": link.how}, text, json_output)
