"""The class of every command: what it refuses before it runs, and what its help shows."""

from __future__ import annotations

import shlex
from collections import Counter
from typing import Any

import click

from ..errors import RequestError
from . import life
from .help import Helpful

_ARGUMENTS = "arguments"


class Command(Helpful, click.Command):
    """A command whose options that take one value are given once: of two values, neither is dropped in silence."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse an option that is given again, and a flag together with its opposite.

        Raises:
            UsageError: there is one.
        """
        if not ctx.resilient_parsing:
            _, _, given = self.make_parser(ctx).parse_args(list(args))
            if not any(parameter.is_eager for parameter in given):  # a help answers whatever else is there
                _refuse_repeated(Counter(each for each in given if isinstance(each, click.Option)), args, ctx)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, with signs of life while it is silent.

        Raises:
            UsageError: in place of a RequestError, of which a Python program that makes the same request is told.
        """
        try:
            with life.alive():
                return super().invoke(ctx)
        except RequestError as e:
            raise click.UsageError(str(e), ctx) from None


class Remembering(Command):
    """A command that remembers the words that it was called with."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep them before they are read."""
        ctx.meta[_ARGUMENTS] = list(args)
        return super().parse_args(ctx, args)


def called_with() -> str:
    """Return the running command, which is one that remembers, as it would be typed again."""
    ctx, names = click.get_current_context(), list[str]()
    given = ctx.meta[_ARGUMENTS]
    while ctx.parent is not None:
        names.insert(0, str(ctx.info_name))
        ctx = ctx.parent
    return shlex.join(["adapt", *names, *given])


def arguments_given() -> list[str]:
    """Return the words after the name of the running command, which is one that remembers."""
    given: list[str] = click.get_current_context().meta[_ARGUMENTS]
    return given


class Group(Helpful, click.Group):
    """A group of such commands."""

    command_class = Command


def _refuse_repeated(given: Counter[click.Option], args: list[str], ctx: click.Context) -> None:
    for option, times in given.items():
        if times == 1 or option.multiple or option.count:
            continue
        if not option.is_flag:
            names = " or ".join(option.opts)
            raise click.UsageError(f"{names} takes one value and is given {times} times; give it once", ctx)
        yes, no = ([name for name in args if name in names] for names in (option.opts, option.secondary_opts))
        if yes and no:
            raise click.UsageError(f"{yes[0]} and {no[0]} exclude one another; give one of them", ctx)
