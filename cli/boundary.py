"""The one place where errors become messages and exit codes."""

import io
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from ..errors import AdaptError
from ..shown_text import defuse
from . import process
from .output import ToldError, print_json, say
from .streams import close_silently, prepare_streams, was_printing, write_no_more

EXIT_INTERRUPTED = 130


class Boundary(click.Group):
    """A group of lazily imported commands, with the one place where errors become messages and exit codes."""

    def make_context(self, *pass_on: Any, **options: Any) -> click.Context:
        """Read the arguments, which may print a help."""
        with _silent_without_reader():
            return super().make_context(*pass_on, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with _silent_without_reader():
            return super().invoke(ctx)

    def main(self, args: Sequence[str] | None = None, *pass_on: Any, **options: Any) -> Any:  # type: ignore[override]
        """Run, and turn every error into a line and an exit code (see docs/contracts.md).

        Without `args` this process is the command's own.
        """
        if args is None:
            process.start()
        argv = list(sys.argv[1:] if args is None else args)
        options["standalone_mode"] = False
        is_closed = prepare_streams()
        try:
            code = super().main(argv, *pass_on, **options)
            click.echo(nl=False)  # flushes what was printed past click
        except click.exceptions.Exit as e:
            code = e.exit_code
        except (click.Abort, KeyboardInterrupt):
            code = _fail("interrupted", "--json" in argv, EXIT_INTERRUPTED)
        except click.ClickException as e:
            code = _fail(e.format_message(), True, e.exit_code) if "--json" in argv else _show(e)
        except BrokenPipeError:
            code = close_silently()
        except OSError as e:
            if not was_printing(e):
                raise
            code = _fail_to_print(e.strerror or str(e))
        except AdaptError as e:
            if os.environ.get("ADAPT_DEBUG") == "1":
                raise
            code = _fail(str(e), "--json" in argv and not isinstance(e, ToldError), 1)
        if is_closed and not code:
            code = _fail_to_print("it is closed")
        number = code if isinstance(code, int) else 0
        if args is None:
            process.leave(number)
        sys.exit(number)


def _fail(message: str, json_output: bool, code: int) -> int:
    if json_output:
        try:
            print_json({"error": message})
        except OSError:
            write_no_more(sys.stdout)
    say(f"Error: {message}")
    return code


def _show(error: click.ClickException) -> int:
    text = io.StringIO()
    error.show(text)  # with the usage, where it is a usage error
    try:
        click.echo(defuse(text.getvalue()), err=True, nl=False)
    except OSError:
        write_no_more(sys.stderr)
    return error.exit_code


def _fail_to_print(why: str) -> int:
    write_no_more(sys.stdout)
    return _fail(f"the result cannot be written to stdout: {why}", False, 1)


@contextmanager
def _silent_without_reader() -> Iterator[None]:
    # Where click itself finds the pipe closed, it leaves with exit code 1.
    try:
        yield
    except BrokenPipeError:
        raise click.exceptions.Exit(close_silently()) from None
