"""The options of what a bench keeps and finds again, and what is told of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from ...cache import DEFAULT_BYTES, describe_size, open_cache_files, parse_size
from ...errors import ConfigError
from .gather import gathered

if TYPE_CHECKING:
    from ...bench.run.cells import Caches


class SizeType(click.ParamType):
    """A size in bytes, such as 5GB."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read the value."""
        try:
            return value if isinstance(value, int) else parse_size(value)
        except ConfigError as e:
            raise click.BadParameter(str(e), ctx, param) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheOptions:
    """The values of the options."""

    use_cache: bool
    fresh: bool
    cache_size: int

    def open(self) -> Caches:
        """Return the caches, which are empty hands with `--no-cache`."""
        from ...bench.run.cells import Caches, CellStore
        from ...cache.vectors import VectorStore

        if not self.use_cache:
            return Caches()
        files = open_cache_files(self.cache_size)
        return Caches(vectors=VectorStore(files), cells=CellStore(files, reads=not self.fresh))


cache_options = gathered(
    "cache",
    CacheOptions,
    click.option(
        "--cache/--no-cache",
        "use_cache",
        default=True,
        show_default=True,
        help="Keep vectors and scores in ADAPT_CACHE, and compute none of them twice; an interrupted bench then goes on where it was.",
    ),
    click.option("--fresh", is_flag=True, help="Compute every score anew, from vectors that are kept."),
    click.option(
        "--cache-size",
        type=SizeType(),
        metavar="SIZE",
        envvar="ADAPT_CACHE_SIZE",
        default=DEFAULT_BYTES,
        show_default=describe_size(DEFAULT_BYTES),
        show_envvar=True,
        help="What kept vectors and scores may take together; above, the least recently used are removed.",
    ),
)
"""Add the options to a command, which gets them as one argument `cache`."""


def describe_use(caches: Caches) -> list[str]:
    """Return lines that say what a bench found, and what went wrong with what is kept."""
    if caches.vectors is None or caches.cells is None:
        return []
    files, found = caches.vectors.files, caches.cells.found
    lines = [f"{files.damaged} damaged files were removed from {files.folder} and computed anew"] if files.damaged else []
    if files.problem:
        lines.append(f"nothing more could be kept: {files.problem}")
    if found or caches.vectors.found:
        lines.append(
            f"kept from before: {found} of {found + caches.cells.added} scores, and {caches.vectors.found} of "
            f"{caches.vectors.found + caches.vectors.added} vectors of the rest (in {files.folder}; --fresh scores anew, --no-cache computes all)"
        )
    return lines


def describe_interruption(caches: Caches, cells: int) -> list[str]:
    """Return a line that says what of `cells` scores an interrupted bench has kept."""
    if caches.vectors is None or caches.cells is None or caches.vectors.files.problem:
        return []
    scored, vectors = caches.cells.found + caches.cells.added, caches.vectors.added
    return [f"interrupted; {scored} of {cells} scores and {vectors} new vectors are kept: the same command goes on from there"]
