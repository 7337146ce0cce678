"""`adapt show`: all that is known of one version, and where it comes from."""

import json
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
    from collections.abc import Iterator

    from ..registry import Entry, Lineage, Registry


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
    from ..registry import children, lineage, open_registry

    registry = open_registry(registry_dir)
    entry = registry.find_reference(reference)
    _tell_of_other_bases(registry, entry, reference)
    origin, made_from_it = lineage(registry, entry), [child.reference for child in children(registry, entry)]
    result = entry.as_dict() | {
        "reference": entry.reference,
        "aliases": registry.aliases_of(entry),
        "builtin": registry.is_builtin(entry),
        "folder": str(registry.folder(entry)),
        "size": entry.size,
        "lineage": origin.to_dict(),
        "children": made_from_it,
    }
    emit(result, _text(result, origin), json_output)


def _show_base(given: BaseChoice, json_output: bool) -> None:
    """Print what is known of the base that a command takes with the same options."""
    from ..base.resolve import resolve_base
    from .render import render_facts

    found = resolve_base(given.base, options=given.options())
    spec, encoding = found.spec, found.encoding
    if spec.fallback_reason:
        say(f"using the embedded base {spec.name}: {spec.fallback_reason}")
    facts: dict[str, object] = {
        "reference": "base",
        "name": spec.name,
        "alias": spec.alias,
        "hub_id": spec.hub_id,
        "revision": spec.revision,
        "sha256": spec.sha256,
        "folder": str(spec.folder),
        "found_in": spec.found_in,
        "pooling": encoding.pooling,
        "prompts": encoding.prompts,
        "dimension": spec.dimension,
        "max_tokens": encoding.max_tokens,
        "language": spec.language,
    }
    emit(facts, render_facts([(key, "\n".join(_lines(value))) for key, value in facts.items()]), json_output)


def _tell_of_other_bases(registry: "Registry", entry: "Entry", reference: str) -> None:
    others = [each for each in registry.entries() if each.name == entry.name and not any(each.is_on(base.sha256) for base in entry.bases)]
    if "@" not in reference and others:
        say(f"{entry.reference} is the newest version; on other bases: {', '.join(each.reference for each in others)}")


def _text(result: dict, origin: "Lineage") -> str:
    from ..plurals import format_size
    from .render import render_facts

    apart = {"files", "lineage", "parents", "name", "version", "size", "reference"}
    shown = {"reference": result["reference"], **{key: value for key, value in result.items() if key not in apart}}
    facts = [(key, "\n".join(_lines(value))) for key, value in shown.items()]
    files = [f"{path}  {format_size(file['size'])}  sha256 {file['sha256'][:12]}..." for path, file in result["files"].items()]
    facts.append(("files", "\n".join([*files, f"{format_size(result['size'])} in all"])))
    return render_facts(facts) + "\n\nlineage\n" + "\n".join(_tree(origin))


def _lines(value: object) -> list[str]:
    """Return a value as lines: one a key of an object, one an element of a list of objects."""
    if isinstance(value, dict):
        return [f"{key}: {_word(inner)}" for key, inner in value.items()]
    if isinstance(value, list) and any(isinstance(inner, dict) for inner in value):
        return [_word(inner) for inner in value]
    if isinstance(value, list):
        return [", ".join(_word(inner) for inner in value)] if value else []
    return [] if value is None else [_word(value)]


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return repr(value) if value != value.strip() else value
    return "-" if value is None else json.dumps(value, ensure_ascii=False)


def _what_is_elsewhere(reference: str) -> str:
    if reference == "base":
        return "as it is"
    return "outside the registry" if "/" in reference or "\\" in reference else "not in this registry"


def _tree(node: "Lineage") -> "Iterator[str]":
    """Yield a line for a version, and below it a branch for each of its parents."""
    what = (
        f"{node.entry.kind}, {node.entry.method or 'no method'}, {node.entry.domain or 'no domain'}"
        if node.entry
        else _what_is_elsewhere(node.reference)
    )
    yield f"{node.reference}  {what}" + ("" if node.weight is None else f"  weight {node.weight:g}")
    for number, parent in enumerate(node.parents, start=1):
        first, *below = _tree(parent)
        is_last = number == len(node.parents)
        yield f"{'└── ' if is_last else '├── '}{first}"
        yield from (f"{'    ' if is_last else '│   '}{line}" for line in below)
