"""`adapt base`: which bases are known and at hand, and making one findable under its Hub id."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..plurals import count
from .command import Group
from .completion import BASE, KNOWN_BASE
from .options import OutputFolder, common_options
from .output import emit

if TYPE_CHECKING:
    from ..base.convert import Conversion
    from ..base.known import KnownBase


@click.group(cls=Group)
def command() -> None:
    """The bases that are known and at hand."""


@command.command("list")
@common_options
def list_command(json_output: bool, **_: Any) -> None:
    """List the known bases, and where each one lies."""
    from ..base.known import KNOWN_BASES
    from .render import render_table

    rows = [_row(known) for known in KNOWN_BASES.values()]
    headings = ("alias", "Hub id", "d", "tokens", "language", "sha256", "at hand")
    emit({"bases": rows}, render_table(headings, [_cells(row) for row in rows]), json_output)


def _row(known: KnownBase) -> dict[str, Any]:
    """Return what is known of a base, where it lies, and whether the weights there are its own (None: that cannot be said)."""
    from ..base.fingerprint import fingerprint
    from ..base.places import at_hand, has_safetensors, pickled_at_hand

    folder, found_in = at_hand(known) or (pickled_at_hand(known), "cache")
    names = ("alias", "hub_id", "dimension", "max_tokens", "language", "sha256", "has_safetensors")
    facts = {name: getattr(known, name) for name in names}
    is_usable = folder is not None and has_safetensors(folder)
    verified = fingerprint(folder) == known.sha256 if folder and is_usable and known.sha256 else None
    place = {"folder": str(folder) if folder else None, "found_in": found_in if folder else None}
    return facts | place | {"is_usable": is_usable, "verified": verified}


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    sha256 = "-" if row["sha256"] is None else {True: "verified", False: "differs", None: "known"}[row["verified"]]
    place = f"{row['found_in']}: {row['folder']}" if row["folder"] else "not here"
    if row["folder"] and not row["is_usable"]:
        what = row["alias"] if row["found_in"] == "cache" else row["folder"]
        place += f" (to be converted: adapt base convert {what})"
    elif not row["folder"] and not row["has_safetensors"]:
        place += f" (pytorch_model.bin on the Hub: adapt base convert {row['alias']})"
    return row["alias"], row["hub_id"], str(row["dimension"]), str(row["max_tokens"]), row["language"], sha256, place


@command.command("link", short_help="Make a base findable under its Hub id.")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--as", "alias", type=KNOWN_BASE, required=True, metavar="ALIAS", help="The known base whose weights the folder holds.")
@click.option("--undo", is_flag=True, help="Remove what linking wrote.")
@common_options
def link_command(folder: Path | None, alias: str, undo: bool, json_output: bool, **_: Any) -> None:
    """Make a verified FOLDER (unless said, where `adapt base list` finds it) findable under its Hub id, in the Hugging Face cache."""
    from ..base.link import link_base, unlink_base

    if undo and folder:
        raise click.UsageError(f"--undo takes no FOLDER: it removes what linking wrote for --as {alias}")
    if undo:
        removed = unlink_base(alias)
        rest = "; what others put there since is left" if removed.exists() else ""
        emit({"removed_from": str(removed), "left": removed.exists()}, f"removed what adapt wrote to {removed}{rest}", json_output)
        return
    link = link_base(folder.expanduser() if folder else _where_it_lies(alias), alias)
    text = f"{link.hub_id} is found in the Hugging Face cache now (weights: {link.how})\n{link.snapshot}\n" + "\n".join(
        f"  {file}" for file in link.files
    )
    emit({"hub_id": link.hub_id, "snapshot": str(link.snapshot), "files": list(link.files), "weights": link.how}, text, json_output)


@command.command("convert", short_help="Write a base anew as safetensors.")
@click.argument("base", metavar="FOLDER", type=BASE)
@click.option(
    "-o",
    "--out",
    type=OutputFolder(),
    help="The new folder [default: NAME-safetensors, beside FOLDER; of what lies in the Hugging Face cache, in the current directory].",
)
@common_options
def convert_command(base: str, out: Path | None, json_output: bool, **_: Any) -> None:
    """Write the base in FOLDER, whose weights are a pytorch_model.bin, anew with the same weights as safetensors.

    In place of a FOLDER, an alias or a Hub id: its weights are taken from the Hugging Face cache, else from the Hub.
    """
    from ..base.convert import convert_base

    conversion = convert_base(base, out)
    emit(conversion.as_dict(), _conversion_text(conversion), json_output)


def _conversion_text(conversion: Conversion) -> str:
    from ..plurals import format_size

    lines = [
        f"{conversion.folder}: {count(conversion.tensors, 'tensor')}, {format_size(conversion.size)}",
        "checked: the same vectors as before, bit for bit, of texts in English and Chinese",
    ]
    for what, names in (
        ("files that were not copied", conversion.left_behind),
        ("tensors that the encoder does not use", conversion.unused),
    ):
        if names:
            lines.append(f"left behind, {what}: {', '.join(names[:8])}{f' and {len(names) - 8} others' if len(names) > 8 else ''}")
    return "\n".join([*lines, f"to use it: {conversion.options}"])


def _where_it_lies(alias: str) -> Path:
    from ..base.known import known_base
    from ..base.places import at_hand
    from ..errors import BaseError

    here = at_hand(known_base(alias))
    if here is None:
        raise BaseError(f"{alias} lies nowhere on this machine; give its FOLDER, or name the folder that holds it in ADAPT_BASES")
    return here[0]
