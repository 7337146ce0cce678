"""Where a program's adapters lie: its registry and base as a `Search`, and what it holds or names as references."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from os import PathLike
from pathlib import Path
from typing import TypedDict

from ..base.encoding import BaseOptions
from ..errors import RequestError
from ..references import Search
from ..registry import Registry, open_registry
from .adapter import Adapter

Place = str | PathLike[str] | Registry | None
"""A registry: its folder, or itself; None: the one of the adapters that are given, else the user's own."""

Named = Adapter | str | PathLike[str]
"""An adapter: one in hand, a reference, or its folder."""


class BaseNamed(TypedDict, total=False):
    """Which base the adapters lie on, as `load` takes it: what every function of several adapters takes beside its own options."""

    base: str | PathLike[str] | None
    options: BaseOptions | None


def search_in(
    registry: Place, base: str | PathLike[str] | None = None, options: BaseOptions | None = None, of: Iterable[Named] = ()
) -> Search:
    """Return where references are looked for.

    Args:
        registry: Which one.
        base: Of what is looked for or trained; None leaves it to that.
        options: What is said of that base.
        of: The adapters that are given: their registry is taken where none is named and they share one.
    """
    homes = {each.where.registry for each in of if isinstance(each, Adapter)}
    if registry is None and len(homes) == 1:
        (registry,) = homes
    found = registry if isinstance(registry, Registry) else open_registry(None if registry is None else Path(registry))
    return Search(registry=found, base=None if base is None else as_reference(base), options=options or BaseOptions())


def given_in(adapters: Sequence[Named], registry: Place, more: BaseNamed) -> tuple[tuple[Named, ...], Search]:
    """Return the adapters that were given and where they are looked for; `base` and `options` are taken out of `more`.

    Raises:
        RequestError: as `as_several`.
    """
    given = as_several(adapters)
    return given, search_in(registry, more.pop("base", None), more.pop("options", None), given)


def as_several(adapters: Sequence[Named]) -> tuple[Named, ...]:
    """Return the adapters that were given.

    Raises:
        RequestError: they are not several, or one is something else.
    """
    if isinstance(adapters, Adapter | str | PathLike) or not isinstance(adapters, Iterable):
        raise RequestError(f"expected a list of adapters or references, and {_shown(adapters)} came; write [a, b]")
    given = tuple(adapters)
    for each in given:
        _check(each)
    return given


def as_reference(named: str | PathLike[str]) -> str:
    """Return a reference as the command line takes it; a `Path` is a folder, whatever its name is.

    Raises:
        RequestError: it is neither.
    """
    _check(named)
    return named if isinstance(named, str) else str(Path(named).expanduser().absolute())


def as_references(adapters: Iterable[Named], where: Search, what: str) -> tuple[str, ...]:
    """Return how adapters are found in a registry: those that lie elsewhere by their folder.

    Raises:
        RequestError: one is in memory alone, of which `what` cannot be made.
    """
    return tuple(_reference_in(each, where, what) if isinstance(each, Adapter) else as_reference(each) for each in adapters)


def _reference_in(adapter: Adapter, where: Search, what: str) -> str:
    if adapter.kind == "base" and adapter.path is None:
        return "base"
    if adapter.path is None:
        raise RequestError(
            f"{adapter.reference} is in memory alone, and {what} keeps its adapters by where they lie; make it with register=True"
        )
    is_here = adapter.entry is not None and adapter.where.registry == where.registry and adapter.reference == adapter.entry.reference
    return adapter.reference if is_here or adapter.reference.startswith("hf:") else str(adapter.path.absolute())


def _check(named: object) -> None:
    if not isinstance(named, Adapter | str | PathLike):
        raise RequestError(f"expected an adapter, a reference such as 'legal@1', or a folder's path, and {_shown(named)} came")


def _shown(given: object) -> str:
    return f"the text {given!r}" if isinstance(given, str) else f"a value of the type {type(given).__name__}"
