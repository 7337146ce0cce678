"""`adapt serve`: embeddings over HTTP, with an adapter per request."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..cache import describe_size
from ..events import Events
from ..plurals import count
from ..serve.options import DEFAULT_MEMORY
from . import life
from .command import Command
from .completion import REFERENCE
from .events import shown
from .options import common_options
from .options.encoder import EncoderOptions, encoder_options
from .options.searching import searching_options
from .options.serving import SIZE, serving_options
from .output import emit, say

if TYPE_CHECKING:
    from ..serve.job import ServeJob
    from ..serve.options import ServeOptions
    from ..serve.search.job import SearchJob
    from ..serve.search.options import SearchOptions


@click.command(name="serve", cls=Command)
@click.argument("references", metavar="[REF]...", nargs=-1, type=REFERENCE)
@serving_options
@click.option(
    "--memory",
    type=SIZE,
    default=DEFAULT_MEMORY,
    show_default=describe_size(DEFAULT_MEMORY),
    metavar="SIZE",
    help="What adapters in memory may take besides the base.",
)
@searching_options
@click.option("--dry-run", is_flag=True, help="Show what would be served, and load nothing.")
@encoder_options
@common_options
def command(
    references: tuple[str, ...],
    options: ServeOptions,
    memory: int,
    searching: SearchOptions,
    dry_run: bool,
    encoder: EncoderOptions,
    json_output: bool,
    registry_dir: Path | None,
) -> None:
    """Serve embeddings over HTTP: an adapter per request, over one copy of the base.

    REF is base, NAME, NAME@VERSION, NAME@ALIAS, a folder, or hf:OWNER/REPO. Requests name one of them as their model; without REF, any name of
    the registry that lies on the base. A new version and a moved alias are served from the next request on. The routes are OpenAI's
    (/v1/embeddings) and those of text-embeddings-inference (/embed); Ctrl-C finishes what is queued, and ends.

    With --index, POST /search searches it, and --split or --interleave compares references on the traffic, which --events writes down.
    """
    from ..serve.job import ServeRequest, prepare_serve
    from ..serve.search.job import prepare_searching, where_of_index

    where, settings = where_of_index(searching, encoder.search(registry_dir)), encoder.settings("auto")
    request = ServeRequest(references=references, where=where, settings=settings, options=options, memory=memory)
    with shown() as events:
        job = prepare_serve(request, events)
        search = prepare_searching(searching, job.catalog, events)
        if dry_run:
            from .serve_text import plan_text

            about = {"search": None if search is None else search.as_dict(), "dry_run": True}
            emit(job.as_dict() | about, plan_text(job, search), json_output)
            return
        _serve(job, search, events, json_output)


def _serve(job: ServeJob, search: SearchJob | None, events: Events, json_output: bool) -> None:
    from ..serve.app import make_app
    from ..serve.run import address_of, listen, run

    options = job.request.options
    with listen(options) as bound, ExitStack() as opened:
        served = job.open(events)
        routes = [] if search is None else opened.enter_context(search.open(served, events))
        app = make_app(served, options, more_routes=routes)
        address = address_of(bound, options)

        def started() -> None:
            say(f"serving {count(len(served.names()), 'name')} at {address}; Ctrl-C stops")
            if json_output:
                emit(job.as_dict() | {"address": address, "port": bound.getsockname()[1]}, "", json_output)

        with life.paused():
            run(app, bound, options, started)
    say("stopped")
