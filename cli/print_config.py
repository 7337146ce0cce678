"""`--print-config`: the settings of a run as a file that `--config` reads. `adapt train` and `adapt pretrain` have it beside `--dry-run`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import click

from .output import emit

if TYPE_CHECKING:
    from ..adapters.settings.groups import Groups

F = TypeVar("F", bound=Callable[..., object])


def plan_options(function: F) -> F:
    """Add `--dry-run` and `--print-config` to a command."""
    printing = click.option("--print-config", is_flag=True, help="Print every setting as toml, for --config, and do nothing.")
    return click.option("--dry-run", is_flag=True, help="Tell the plan, the time and the bytes, and do nothing.")(printing(function))


def emit_config(settings_of: Callable[[], dict[str, object]], groups: Groups, dry_run: bool, json_output: bool) -> None:
    """Print settings.

    Args:
        settings_of: Gives them, by name.
        groups: Name of a group -> its settings.
        dry_run: Whether that was asked for too, which is refused.
        json_output: Whether they are printed as JSON.
    """
    from ..adapters.settings.file import write_settings

    if dry_run:
        raise click.UsageError("--print-config and --dry-run exclude one another; give one of them")
    settings = settings_of()
    emit(settings, write_settings(settings, groups).rstrip("\n"), json_output)
