"""`adapt list`: what the registry holds."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .command import Command
from .completion import DOMAIN
from .options import common_options
from .output import emit

if TYPE_CHECKING:
    from ..references.listing import Listing


@click.command(name="list", cls=Command)
@click.option("--domain", type=DOMAIN, metavar="D", help="Only what was made for this domain.")
@common_options
def command(domain: str | None, json_output: bool, registry_dir: Path | None) -> None:
    """List the adapters, merges and ensembles in the registry."""
    from ..references.listing import list_versions
    from ..registry import open_registry

    listing = list_versions(open_registry(registry_dir), domain)
    emit(listing.as_dict(), _text(listing, domain), json_output)


def _text(listing: "Listing", domain: str | None) -> str:
    from ..plurals import format_size
    from ..shown_text import one_line
    from .render import format_dev, render_table

    registry = listing.registry
    if not listing.entries:
        return f"The registry {registry.home} holds nothing{' for ' + domain if domain else ''} yet. To make something: adapt train --domain {domain or 'legal'}"
    rows = []
    for entry in listing.entries:
        bases = "\n".join(one_line(base.label) for base in entry.bases)
        aliases = ", ".join(registry.aliases_of(entry))
        created = entry.created[:16].replace("T", " ")
        kind = entry.kind + (" (queries)" if entry.side == "query" else " (documents)" if entry.side == "document" else "")
        kind = f"{kind}, {entry.config['head']} dimensions" if entry.config.get("head") else kind
        size, dev = format_size(entry.size), format_dev(entry.dev)
        kind = f"{kind}, unchecked" if entry.unchecked else kind
        kind = f"{kind}, built in" if registry.is_builtin(entry) else kind
        rows.append((entry.reference, aliases, one_line(entry.domain or ""), bases, kind, size, dev, created))
    headings = ("reference", "aliases", "domain", "base", "kind", "size", "dev", "created")
    return render_table(headings, rows, right=["size"])
