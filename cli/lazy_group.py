"""A group whose commands are modules: each is imported when it is called, and not when the help is printed."""

from __future__ import annotations

import importlib
from typing import Any

import click

from .help import Helpful


class LazyGroup(Helpful, click.Group):
    """A group of such commands.

    Attributes:
        table: Verb -> the module that has it as `command`, and its line in the help; in the order of the help.
        package: Where the modules are.
    """

    def __init__(self, *args: Any, table: dict[str, tuple[str, str]], package: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.table, self.package = table, package

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """List the verbs in the order of the table."""
        return list(self.table)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in self.table:
            return None
        command: click.Command = importlib.import_module(f".{self.table[cmd_name][0]}", self.package).command
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command, the nearest names being offered for a typing error."""
        if args and args[0] not in self.table and not args[0].startswith("-") and not ctx.resilient_parsing:
            from ..errors import unknown_name

            raise click.UsageError(unknown_name("command", args[0], tuple(self.table)), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs from the table, importing none of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(verb, line) for verb, (_, line) in self.table.items()])
