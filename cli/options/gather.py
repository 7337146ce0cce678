"""Click options -> one value: a command gets each group of options as an object, and not as a dozen arguments."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any, TypeVar

import click

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]
Made = TypeVar("Made")


def gathered(argument: str, into: Callable[..., Made], *options: Decorator) -> Decorator:
    """Add options to a command, which gets their values as one argument.

    Args:
        argument: The name of that argument.
        into: What is made of the values, such as a dataclass; each value goes in by its option's own name.
        options: What `click.option` and `click.argument` return, in the order of the help.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def call(**values: Any) -> Any:
            return command(**{argument: into(**{name: values.pop(name) for name in names})}, **values)

        before = len(_parameters(call))
        for option in reversed(options):
            option(call)
        names = [str(parameter.name) for parameter in _parameters(call)[before:]]
        return call

    return decorate


def to_complete(into: Callable[..., Made]) -> Callable[..., Callable[..., Made]]:
    """Return what makes of some of the values a function that takes the others: for a command that has to know more before it can ask."""
    return partial(partial, into)


def _parameters(command: Callable[..., Any]) -> list[click.Parameter]:
    """The parameters that click has put onto a function so far, the last of the help first."""
    return list(getattr(command, "__click_params__", []))
