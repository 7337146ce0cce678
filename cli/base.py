"""`adapt base`: which bases are known and at hand, and making one findable under its Hub id."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..plurals import count
from .base_compare import compare_command
from .command import Group
from .completion import BASE, KNOWN_BASE
from .options import OutputFolder, common_options
from .output import emit

if TYPE_CHECKING:
    from ..base.at_hand import BaseAtHand
    from ..base.convert import Conversion


@click.group(cls=Group)
def command() -> None:
    """The bases that are known and at hand."""


command.add_command(compare_command)


@command.command("list")
@common_options
def list_command(json_output: bool, **_: Any) -> None:
    """List the known bases, and where each one lies."""
    from ..base.at_hand import list_bases
    from .render import render_table

    bases = list_bases()
    headings = ("alias", "Hub id", "d", "tokens", "language", "sha256", "at hand")
    emit({"bases": [each.as_dict() for each in bases]}, render_table(headings, [_cells(each) for each in bases]), json_output)


def _cells(base: BaseAtHand) -> tuple[str, ...]:
    known = base.known
    sha256 = "-" if known.sha256 is None else {True: "verified", False: "differs", None: "known"}[base.verified]
    return known.alias, known.hub_id, str(known.dimension), str(known.max_tokens), known.language, sha256, base.place


@command.command("link", short_help="Make a base findable under its Hub id.")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--as", "alias", type=KNOWN_BASE, required=True, metavar="ALIAS", help="The known base whose weights the folder holds.")
@click.option("--undo", is_flag=True, help="Remove what linking wrote.")
@common_options
def link_command(folder: Path | None, alias: str, undo: bool, json_output: bool, **_: Any) -> None:
    """Make a verified FOLDER (unless said, where `adapt base list` finds it) findable under its Hub id, in the Hugging Face cache."""
    from ..base.at_hand import folder_of
    from ..base.link import link_base, unlink_base

    if undo and folder:
        raise click.UsageError(f"--undo takes no FOLDER: it removes what linking wrote for --as {alias}")
    if undo:
        removed = unlink_base(alias)
        rest = "; what others put there since is left" if removed.exists() else ""
        emit({"removed_from": str(removed), "left": removed.exists()}, f"removed what adapt wrote to {removed}{rest}", json_output)
        return
    link = link_base(folder.expanduser() if folder else folder_of(alias), alias)
    files = "\n".join(f"  {file}" for file in link.files)
    text = f"{link.hub_id} is found in the Hugging Face cache now (weights: {link.how})\n{link.snapshot}\n{files}"
    emit(link.as_dict(), text, json_output)


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
