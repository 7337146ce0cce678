"""`adapt train`: data and a base -> a new version in the registry."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .command import Command
from .events import shown
from .options import common_options
from .options.encoder import BaseChoice, base_choice
from .options.training import train_options
from .output import emit

if TYPE_CHECKING:
    from ..adapters.config import TrainConfig
    from ..adapters.job import TrainRequest


@click.command(cls=Command)
@train_options
@click.option("--dry-run", is_flag=True, help="Tell the plan, the time and the bytes, and do nothing.")
@click.option("--print-config", is_flag=True, help="Print every setting as toml, for --config, and do nothing.")
@base_choice
@common_options
def command(
    make_request: Callable[..., TrainRequest],
    dry_run: bool,
    print_config: bool,
    base: BaseChoice,
    json_output: bool,
    registry_dir: Path | None,
) -> None:
    """Train a domain adapter on a frozen base and register it."""
    if print_config:
        _print_config(make_request(where=base.search(registry_dir)), dry_run, json_output)
        return
    from ..adapters.job import prepare_training
    from .train_text import outcome_text, plan_text

    request = make_request(where=base.search(registry_dir))
    with shown() as events:
        job = prepare_training(request, events)
        if dry_run:
            plan = job.plan(events)
            result, text = plan.as_dict(), plan_text(plan)
        else:
            outcome = job.run(events)
            result, text = outcome.as_dict(), outcome_text(outcome)
    emit(result, text, json_output)


def _print_config(request: TrainRequest, dry_run: bool, json_output: bool) -> None:
    from ..adapters.settings.file import write_settings

    if dry_run:
        raise click.UsageError("--print-config and --dry-run exclude one another; give one of them")
    settings = _resolved(request).as_dict()
    emit(settings, write_settings(settings).rstrip("\n"), json_output)


def _resolved(request: TrainRequest) -> TrainConfig:
    """Return the configuration with what follows from the adapter that it starts from, where it names one."""
    if request.config.init_from is None or request.where is None:
        return request.config
    from ..adapters.job.start import find_start

    start = find_start(request.config, request.where)
    return request.config if start is None else start.fit(request.config, request.stated)
