"""`adapt train`: data and a base -> a new version in the registry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .command import Remembering, arguments_given
from .events import shown
from .options import common_options
from .options.encoder import BaseChoice, base_choice
from .options.training import train_options
from .options.types import WholeNumber
from .output import emit
from .print_config import emit_config, plan_options

if TYPE_CHECKING:
    from ..adapters.config import TrainConfig
    from ..adapters.job import TrainRequest
    from ..events import Events


@click.command(cls=Remembering)
@train_options
@click.option(
    "--processes",
    type=WholeNumber(min=1),
    metavar="N",
    help="Share each step among N processes on this machine, a GPU each where there are GPUs; under torchrun, as many as it started "
    "[default: 1].",
)
@plan_options
@base_choice
@common_options
def command(
    make_request: Callable[..., TrainRequest],
    processes: int | None,
    dry_run: bool,
    print_config: bool,
    base: BaseChoice,
    json_output: bool,
    registry_dir: Path | None,
) -> None:
    """Train a domain adapter on a frozen base and register it."""
    from ..adapters.processes.environment import check_processes, find_place

    if print_config:
        from ..adapters.settings.groups import GROUPS

        request = make_request(where=base.search(registry_dir))
        emit_config(lambda: _resolved(request).as_dict(), GROUPS, dry_run, json_output)
        return
    from .together import start_processes, taking_part

    place = find_place()
    with taking_part(place), shown() as events:
        check_processes(processes)
        size = place.size if place is not None else processes or 1
        request = make_request(where=base.search(registry_dir), processes=size)
        if place is None and size > 1 and not dry_run:
            start_processes(["train", *arguments_given()], size)
        if size == 1 and (place is not None or processes is not None):
            events.note("processes: 1")
        if dry_run:
            emit(*_plan(request, events), json_output)
        else:
            emit(*_train(request, events), json_output)


def _plan(request: TrainRequest, events: Events) -> tuple[dict[str, Any], str]:
    """Plan a run; of several processes, each plans what one alone would do."""
    from ..adapters.job import prepare_training
    from .train_text import plan_text

    if request.processes > 1:
        events.note(f"processes: {request.processes}; the time below is that of one process")
    plan = prepare_training(replace(request, processes=1), events).plan(events)
    return plan.as_dict(), plan_text(plan)


def _train(request: TrainRequest, events: Events) -> tuple[dict[str, Any], str]:
    from ..adapters.job import prepare_training
    from .train_text import outcome_text

    outcome = prepare_training(request, events).run(events)
    return outcome.as_dict(), outcome_text(outcome)


def _resolved(request: TrainRequest) -> TrainConfig:
    """Return the configuration with what follows from the adapter that it starts from, where it names one."""
    if request.config.init_from is None or request.where is None:
        return request.config
    from ..adapters.job.start import find_start

    start = find_start(request.config, request.where)
    return request.config if start is None else start.fit(request.config, request.stated)
