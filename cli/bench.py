"""`adapt bench`: references side by side with their base."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .command import Remembering, called_with
from .completion import REFERENCE
from .events import shown
from .options import common_options
from .options.benching import bench_options, output_options
from .options.cache import cache_options
from .options.encoder import EncoderOptions, dim_option, encoder_options
from .output import emit, emit_after, reserve_outputs, say

if TYPE_CHECKING:
    from ..bench import BenchRequest, CachePolicy, Outputs

EXIT_REQUIREMENT = 3


@click.command(name="bench", cls=Remembering)
@click.argument("references", metavar="REF...", type=REFERENCE, nargs=-1, required=True)
@bench_options
@output_options
@cache_options
@dim_option
@encoder_options
@common_options
def command(
    references: tuple[str, ...],
    make_request: Callable[..., BenchRequest],
    outputs: Outputs,
    cache: CachePolicy,
    dim: int | None,
    encoder: EncoderOptions,
    json_output: bool,
    registry_dir: Path | None,
) -> None:
    """Score references side by side with their base, through MTEB.

    REF is base, NAME, NAME@VERSION, NAME@ALIAS, a folder, or hf:OWNER/REPO. Computed in fp32 unless --dtype says otherwise.
    """
    reserve_outputs({"--per-query": outputs.per_query, "--html": outputs.html}, json_output)
    from ..bench import prepare_bench

    outputs = replace(outputs, command=called_with())
    where, settings = encoder.search(registry_dir), encoder.settings("fp32", dim)
    request = make_request(references=references, where=where, settings=settings, cache=cache, outputs=outputs)
    with shown() as events:
        job = prepare_bench(request, events)
        if request.dry_run:
            plan = job.plan(events)
            emit(plan.as_dict(), plan.describe(), json_output)
            return
        outcome = job.run(events)
        from ..bench.report.terminal import table_text

        emit_after(partial(outcome.write, outputs, events), outcome.as_dict(), table_text(outcome.result), json_output)
    for line in outcome.failures:
        say(line)
    if outcome.failures:
        raise click.exceptions.Exit(EXIT_REQUIREMENT)
