"""`adapt add`: register any PEFT LoRA folder."""

from pathlib import Path

import click

from ..choices import Side
from ..plurals import count
from .command import Command
from .completion import BASE, DOMAIN, KNOWN_BASE, NAME
from .options import Choice, common_options
from .output import emit, say


@click.command(name="add", cls=Command)
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option("--name", type=NAME, help="Name in the registry; unless said, the folder's.")
@click.option("--domain", type=DOMAIN, help="The domain it was made for.")
@click.option("--base", "base_reference", type=BASE, help="Its base; unless said, the one its adapter_config.json names.")
@click.option(
    "--base-as",
    "lend_from",
    type=KNOWN_BASE,
    metavar="ALIAS",
    help="Lend the base this known base's pooling, instruction and maximum length.",
)
@click.option(
    "--ignore-field",
    "ignored",
    multiple=True,
    metavar="NAME",
    help="A field of adapter_config.json that adapt does not know and that, as you say, changes no vector; repeat for several.",
)
@click.option(
    "--side",
    type=Choice(["both", "query"]),
    help="What goes through it: queries and documents, or queries alone, documents having the vectors of the base; unless said, as the folder says.",
)
@common_options
def command(
    folder: Path,
    name: str | None,
    domain: str | None,
    base_reference: str | None,
    lend_from: str | None,
    ignored: tuple[str, ...],
    side: Side | None,
    json_output: bool,
    registry_dir: Path | None,
) -> None:
    """Register DIR, a folder with a PEFT LoRA adapter, as a new version; its files are copied."""
    from ..base.resolve import BaseOptions
    from ..files import check_there
    from ..plurals import format_size
    from ..registry import open_registry
    from ..registry.foreign import add_folder

    check_there(folder, "the folder")
    registry = open_registry(registry_dir)
    addition = add_folder(
        registry,
        folder,
        name=name,
        domain=domain,
        base_reference=base_reference,
        options=BaseOptions(settings_of=lend_from),
        ignored=ignored,
        side=side,
    )
    for note in addition.notes:
        say(note)
    entry = addition.entry
    text = f"{entry.reference}{' for queries alone' if entry.side == 'query' else ''} on {entry.bases[0].label}: {count(len(entry.files), 'file')}, {format_size(entry.size)}, in {addition.folder}"
    emit(addition.as_dict(), text, json_output)
