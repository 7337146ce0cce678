"""What there is to name: what a shell offers for a word that is being typed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from ..choices import DEVICES


def references(ctx: click.Context) -> Iterable[str]:
    """Yield the base, and what names a version in the registry."""
    yield "base"
    yield from versions(ctx)


def versions(ctx: click.Context) -> Iterable[str]:
    """Yield each name, and its versions and aliases behind it."""
    return _spelled(_registered(ctx))


def own_versions(ctx: click.Context) -> Iterable[str]:
    """Yield the same of the user's versions alone, which can be removed."""
    registry = _registry(ctx)
    return _spelled(_by_name(registry, registry.user.index().entries))


def aliases(ctx: click.Context) -> Iterable[str]:
    """Yield the aliases that are in use."""
    for _, _, of_name in _registered(ctx):
        yield from of_name


def names(ctx: click.Context) -> Iterable[str]:
    """Return the names that have versions."""
    return (name for name, _, _ in _registered(ctx))


def domains(ctx: click.Context) -> Iterable[str]:
    """Return the domains that ship, and those of the versions in the registry."""
    from ..references.listing import known_domains

    return known_domains(_registry(ctx))


def bases(_ctx: click.Context) -> Iterable[str]:
    """Return the aliases of the known bases."""
    from ..base.known import KNOWN_BASES

    return KNOWN_BASES


def methods(_ctx: click.Context) -> Iterable[str]:
    """Return the methods of merging."""
    from ..merge import METHODS

    return METHODS


def settings(_ctx: click.Context) -> Iterable[str]:
    """Yield the settings of training by both their names, each with the sign that its value stands behind."""
    from ..adapters.settings.groups import dotted_names

    names = dotted_names()
    return (f"{name}=" for name in (*names.values(), *names))


def sources(_ctx: click.Context) -> Iterable[str]:
    """Return the words that stand for training data."""
    from ..choices import DATA_WORDS

    return DATA_WORDS


def devices(_ctx: click.Context) -> Iterable[str]:
    """Return the kinds of devices."""
    return DEVICES


def runs(ctx: click.Context) -> Iterable[str]:
    """Yield the ids of the interrupted training runs."""
    from ..registry.runs import list_runs

    return (run.id for run in list_runs(_registry(ctx).home))


def explain_setting(word: str) -> str:
    """Return what a setting is, for shells that show it beside the word."""
    from ..adapters.settings.groups import GROUPS, dotted_names
    from ..adapters.settings.setting import describe_settings

    name = word.removesuffix("=")
    name = dotted_names().get(name, name)
    return next(found[name].setting.help for found in map(describe_settings, GROUPS.values()) if name in found)


def _registry(ctx: click.Context) -> Any:
    from ..registry import open_registry

    return open_registry(ctx.params.get("registry_dir"))


def _registered(ctx: click.Context) -> list[tuple[str, list[int], list[str]]]:
    """Return each name with its versions and its aliases."""
    registry = _registry(ctx)
    return _by_name(registry, registry.entries())


def _by_name(registry: Any, entries: Iterable[Any]) -> list[tuple[str, list[int], list[str]]]:
    numbers: dict[str, list[int]] = {}
    for entry in entries:
        numbers.setdefault(entry.name, []).append(entry.version)
    return [(name, of_name, sorted(registry.aliases(name))) for name, of_name in numbers.items()]


def _spelled(registered: Iterable[tuple[str, list[int], list[str]]]) -> Iterable[str]:
    for name, numbers, aliases in registered:
        yield name
        yield from (f"{name}@{each}" for each in (*aliases, *numbers))
