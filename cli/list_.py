"""`adapt list`: what the registry holds."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .command import Command
from .completion import DOMAIN
from .options import common_options
from .output import emit

if TYPE_CHECKING:
    from ..registry import Entry, Registry


@click.command(name="list", cls=Command)
@click.option("--domain", type=DOMAIN, metavar="D", help="Only what was made for this domain.")
@common_options
def command(domain: str | None, json_output: bool, registry_dir: Path | None) -> None:
    """List the adapters, merges and ensembles in the registry."""
    from ..registry import open_registry

    registry = open_registry(registry_dir)
    _check_domain(registry, domain)
    entries = [entry for entry in registry.entries() if domain is None or entry.domain == domain]
    rows = [_row(registry, entry) for entry in entries]
    emit({"registry": str(registry.home), "entries": rows}, _text(registry, entries, domain), json_output)


def _check_domain(registry: "Registry", domain: str | None) -> None:
    """Refuse a domain that neither ships nor is that of a version.

    Raises:
        DomainError: it is one; the message names the nearest.
    """
    from ..data.domains import domain_names
    from ..errors import DomainError, unknown_name

    known = sorted({*domain_names(), *(entry.domain for entry in registry.entries() if entry.domain)})
    if domain is not None and domain not in known:
        raise DomainError(unknown_name("domain", domain, known))


def _row(registry: "Registry", entry: "Entry") -> dict:
    return {
        "reference": entry.reference,
        "aliases": registry.aliases_of(entry),
        "kind": entry.kind,
        "domain": entry.domain,
        "bases": [base.label for base in entry.bases],
        "size": entry.size,
        "scores": {of: asdict(score) for of, score in entry.scores.items()},
        "created": entry.created,
        "builtin": registry.is_builtin(entry),
    }


def _text(registry: "Registry", entries: "list[Entry]", domain: str | None) -> str:
    from ..plurals import format_size
    from .render import format_dev, render_table

    if not entries:
        return f"The registry {registry.home} holds nothing{' for ' + domain if domain else ''} yet. To make something: adapt train --domain {domain or 'legal'}"
    rows = []
    for entry in entries:
        bases = "\n".join(base.label for base in entry.bases)
        aliases = ", ".join(registry.aliases_of(entry))
        created = entry.created[:16].replace("T", " ")
        size, dev = format_size(entry.size), format_dev(entry.dev)
        rows.append((entry.reference, aliases, entry.domain or "", bases, entry.kind, size, dev, created))
    headings = ("reference", "aliases", "domain", "base", "kind", "size", "dev", "created")
    return render_table(headings, rows, right=["size"])
