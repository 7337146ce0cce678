"""The options of what a bench keeps and finds again."""

from __future__ import annotations

import click

from ...bench.request import CachePolicy
from ...cache import DEFAULT_BYTES, describe_size, parse_size
from .gather import gathered
from .types import Read

cache_options = gathered(
    "cache",
    CachePolicy,
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
        type=Read("size", parse_size),
        metavar="SIZE",
        envvar="ADAPT_CACHE_SIZE",
        default=DEFAULT_BYTES,
        show_default=describe_size(DEFAULT_BYTES),
        show_envvar=True,
        help="What kept vectors and scores may take together; above, the least recently used are removed.",
    ),
)
"""Add the options to a command, which gets them as one argument `cache`."""
