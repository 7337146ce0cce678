"""`adapt train --seeds`: the versions of a group, and how far their dev scores scatter."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from .output import emit, say
from .render import format_dev

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..adapters.seeds import SeedGroup
    from ..registry import Entry, Registry


def report_seeds(registry: Registry, group: SeedGroup, entries: Sequence[Entry], json_output: bool) -> None:
    """Print each version, and the mean and spread of their dev scores."""
    from ..metrics import spread_of

    dev = [entry.dev for entry in entries if entry.dev and entry.dev.after is not None]
    scores = [each.after for each in dev if each.after is not None]
    spread = spread_of(scores) if len(scores) > 1 else None
    lines = [f"{entry.reference}  seed {entry.seed}  {format_dev(entry.dev) or 'no dev split'}" for entry in entries]
    if spread:
        mean = f"dev {dev[0].metric} {spread.mean:.4f} ± {spread.deviation:.4f} (standard deviation), {spread.least:.4f} to {spread.greatest:.4f}"
        lines.append(f"{len(entries)} seeds: {mean}")
        before = dev[0].before
        if before is not None and spread.mean <= before:
            say(f"warning: no gain on dev over the base's {before:.4f}, on the mean of the seeds; see docs/training.md")
    if len(entries) > 1:
        lines.append(f"one adapter of them all: adapt merge {' '.join(entry.reference for entry in entries)} --name {entries[0].name}")
    versions = [_describe(registry, entry) for entry in entries]
    emit(
        {"group": group.group, "of": group.of, "versions": versions, "dev": asdict(spread) if spread else None},
        "\n".join(lines),
        json_output,
    )


def _describe(registry: Registry, entry: Entry) -> dict[str, Any]:
    return {
        "reference": entry.reference,
        "seed": entry.seed,
        "path": str(registry.folder(entry)),
        "dev": asdict(entry.dev) if entry.dev else None,
    }
