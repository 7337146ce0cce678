"""`adapt serve`: embeddings over HTTP, with an adapter per request."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import life
from .command import Command
from .completion import REFERENCE
from .events import shown
from .options import common_options
from .options.encoder import EncoderOptions, encoder_options
from .options.serving import SIZE, serving_options
from .output import emit, say

if TYPE_CHECKING:
    from ..serve.job import ServeJob
    from ..serve.options import ServeOptions
    from ..serve.served import Served


@click.command(name="serve", cls=Command)
@click.argument("references", metavar="[REF]...", nargs=-1, type=REFERENCE)
@serving_options
@click.option(
    "--memory", type=SIZE, default=10**9, show_default="1 GB", metavar="SIZE", help="What adapters in memory may take besides the base."
)
@click.option("--dry-run", is_flag=True, help="Show what would be served, and load nothing.")
@encoder_options
@common_options
def command(
    references: tuple[str, ...],
    options: ServeOptions,
    memory: int,
    dry_run: bool,
    encoder: EncoderOptions,
    json_output: bool,
    registry_dir: Path | None,
) -> None:
    """Serve embeddings over HTTP: an adapter per request, over one copy of the base.

    REF is base, NAME, NAME@VERSION, NAME@ALIAS, a folder, or hf:OWNER/REPO. Requests name one of them as their model; without REF, any name of
    the registry that lies on the base. A new version and a moved alias are served from the next request on. The routes are OpenAI's
    (/v1/embeddings) and those of text-embeddings-inference (/embed); Ctrl-C finishes what is queued, and ends.
    """
    from ..serve.job import ServeRequest, prepare_serve

    where, settings = encoder.search(registry_dir), encoder.settings("auto")
    request = ServeRequest(references=references, where=where, settings=settings, options=options, memory=memory)
    with shown() as events:
        job = prepare_serve(request, events)
        if dry_run:
            from .serve_text import plan_text

            emit(job.as_dict() | {"dry_run": True}, plan_text(job), json_output)
            return
        _serve(job, events, json_output)


def _serve(job: ServeJob, events: Any, json_output: bool) -> None:
    from ..serve.run import address_of, listen, run

    options = job.request.options
    with listen(options) as bound:
        served = job.open(events)
        app = _app(served, options)
        address = address_of(bound, options)

        def started() -> None:
            names = len(served.names())
            say(f"serving {names} name{'' if names == 1 else 's'} at {address}; Ctrl-C stops")
            if json_output:
                emit(job.as_dict() | {"address": address, "port": bound.getsockname()[1]}, "", json_output)

        with life.paused():
            run(app, bound, options, started)
    say("stopped")


def _app(served: Served, options: ServeOptions) -> Any:
    from ..serve.app import make_app

    return make_app(served, options)
