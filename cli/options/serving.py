"""The options of `adapt serve`: where it listens, whom it answers, and how much it takes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...cache import describe_size, parse_size
from ...serve.options import Limits
from .gather import gathered
from .types import FiniteRange, Read, WholeNumber

if TYPE_CHECKING:
    from ...serve.options import ServeOptions


SIZE = Read("size", parse_size)
_LIMITS = Limits()


def _options(
    *,
    host: str,
    port: int,
    keys_file: Path | None,
    no_keys: bool,
    allow_hosts: tuple[str, ...],
    public_page: bool,
    token_ids: bool,
    wait_ms: float,
    max_texts: int,
    max_body: int,
    max_queue: int,
) -> ServeOptions:
    from ...serve.keys import read_keys
    from ...serve.options import ServeOptions

    return ServeOptions(
        host=host,
        port=port,
        keys=() if no_keys and keys_file is None else read_keys(keys_file),
        open_to_all=no_keys,
        hosts=allow_hosts,
        public_page=public_page,
        token_ids=token_ids,
        limits=Limits(wait_ms=wait_ms, texts=max_texts, body_bytes=max_body, queue=max_queue),
    )


serving_options = gathered(
    "options",
    _options,
    click.option("--host", metavar="ADDRESS", default="127.0.0.1", show_default=True, help="Address to listen on."),
    click.option(
        "--port", type=WholeNumber(min=0, max=65535), default=8080, show_default=True, metavar="N", help="Port; 0 takes one that is free."
    ),
    click.option(
        "--keys",
        "keys_file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Keys, one a line, of which a client shows one (Authorization: Bearer KEY) [default: ADAPT_SERVE_KEYS, with commas between].",
    ),
    click.option("--no-keys", is_flag=True, help="Ask for no key, even beyond this machine."),
    click.option(
        "--allow-host",
        "allow_hosts",
        metavar="NAME",
        multiple=True,
        help="A name that a Host header may have besides the address and localhost; * allows any.",
    ),
    click.option(
        "--public-page",
        is_flag=True,
        help="Show the demo page at / without a key, which a browser cannot send; what it asks for needs one.",
    ),
    click.option("--token-ids", is_flag=True, help="Take lists of numbers for token ids of the base."),
    click.option(
        "--wait-ms", type=FiniteRange(min=0, max=1000), default=0, show_default=True, metavar="MS", help="Let a batch wait for more texts."
    ),
    click.option("--max-texts", type=WholeNumber(min=1), default=_LIMITS.texts, show_default=True, metavar="N", help="Texts of a request."),
    click.option(
        "--max-body",
        type=SIZE,
        default=_LIMITS.body_bytes,
        show_default=describe_size(_LIMITS.body_bytes),
        metavar="SIZE",
        help="Size of a request's body.",
    ),
    click.option(
        "--max-queue",
        type=WholeNumber(min=1),
        default=_LIMITS.queue,
        show_default=True,
        metavar="N",
        help="Texts that wait; others get a 429.",
    ),
)
"""Add the options to a command, which gets them as one argument `options`."""
