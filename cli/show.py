"""`adapt show`: all that is known of one version, and where it comes from."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .command import Command
from .completion import REFERENCE
from .options import common_options
from .options.encoder import BaseChoice, base_choice
from .output import emit, say

if TYPE_CHECKING:
    from ..references.describe import VersionFacts

_APART = {"files", "lineage", "parents", "name", "version", "size", "reference"}
"""What is shown at a place of its own."""


@click.command(name="show", cls=Command)
@click.argument("reference", type=REFERENCE)
@base_choice
@common_options
def command(reference: str, json_output: bool, registry_dir: Path | None, base: BaseChoice) -> None:
    """Show all that is known of REFERENCE: NAME, NAME@VERSION, NAME@ALIAS, or base, which is the default base or that of --base."""
    if reference == "base":
        _show_base(base, json_output)
        return
    if given := [name for name, value in asdict(base).items() if value is not None]:
        raise click.UsageError(f"--{given[0].replace('_', '-')} goes with: adapt show base; {reference} has the base that it was made on")
    from ..references.describe import describe_version
    from ..registry import open_registry

    facts = describe_version(open_registry(registry_dir), reference)
    if facts.on_other_bases:
        say(f"{facts.entry.reference} is the newest version; on other bases: {', '.join(facts.on_other_bases)}")
    emit(facts.as_dict(), _text(facts), json_output)


def _show_base(given: BaseChoice, json_output: bool) -> None:
    """Print what is known of the base that a command takes with the same options."""
    from ..base.resolve import resolve_base
    from ..references.describe import describe_base
    from ..text_values import fact_lines
    from .render import render_facts

    found = resolve_base(given.base, options=given.options())
    if found.spec.fallback_reason:
        say(f"using the embedded base {found.spec.name}: {found.spec.fallback_reason}")
    facts = describe_base(found)
    emit(facts, render_facts(fact_lines(facts)), json_output)


def _text(facts: "VersionFacts") -> str:
    from ..plurals import format_size
    from ..text_values import fact_lines
    from .render import render_facts

    entry = facts.entry
    shown = {"reference": entry.reference} | {name: value for name, value in facts.as_dict().items() if name not in _APART}
    files = [f"{path}  {format_size(file.size)}  sha256 {file.sha256[:12]}..." for path, file in entry.files.items()]
    lines = [*fact_lines(shown), ("files", "\n".join([*files, f"{format_size(entry.size)} in all"]))]
    return render_facts(lines) + "\n\nlineage\n" + "\n".join(facts.lineage.draw())
