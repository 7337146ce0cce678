"""`adapt pretrain`: texts and a base -> a new version in the registry, for training to start from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .command import Command
from .events import shown
from .options import common_options
from .options.encoder import BaseChoice, base_choice
from .options.pretraining import pretrain_options
from .output import emit
from .print_config import emit_config, plan_options

if TYPE_CHECKING:
    from ..adapters.pretraining import PretrainRequest


@click.command(cls=Command)
@pretrain_options
@plan_options
@base_choice
@common_options
def command(
    make_request: Callable[..., PretrainRequest],
    dry_run: bool,
    print_config: bool,
    base: BaseChoice,
    json_output: bool,
    registry_dir: Path | None,
) -> None:
    """Train an adapter on text without pairs and register it: the start of adapt train --init-from."""
    if print_config:
        from ..adapters.settings.groups import PRETRAINING_GROUPS

        emit_config(make_request().config.as_dict, PRETRAINING_GROUPS, dry_run, json_output)
        return
    from ..adapters.pretraining import prepare_pretraining
    from .pretrain_text import outcome_text, plan_text

    request = make_request(where=base.search(registry_dir))
    with shown() as events:
        job = prepare_pretraining(request, events)
        if dry_run:
            plan = job.plan(events)
            result, text = plan.as_dict(), plan_text(plan)
        else:
            outcome = job.run(events)
            result, text = outcome.as_dict(), outcome_text(outcome)
    emit(result, text, json_output)
