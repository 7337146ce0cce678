"""Options that were given and do nothing, because of another one: told, for somebody who gives one expects it to act."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import click
from click.core import ParameterSource

from ..output import say


@dataclass(frozen=True, slots=True)
class Need:
    """What an option acts with: in words, such as `-m llm`, and whether it is there."""

    what: str
    is_met: bool


def tell_unused(needs: Mapping[str, Need]) -> None:
    """Say on stderr which of the options that this command was given do nothing.

    Args:
        needs: The name of a parameter -> what it acts with.
    """
    context = click.get_current_context()
    for parameter in context.command.params:
        need = needs.get(str(parameter.name))
        if need and not need.is_met and context.get_parameter_source(str(parameter.name)) is ParameterSource.COMMANDLINE:
            say(f"{parameter.opts[0]} does nothing here: it goes with {need.what}")
