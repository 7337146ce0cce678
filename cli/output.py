"""Results go to stdout, messages to stderr, errors through one boundary."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from ..errors import AdaptError

EXIT_INTERRUPTED = 130


def emit(result: dict[str, Any], text: str, json_output: bool) -> None:
    """Print a result on stdout: one JSON object, or the text."""
    click.echo(json.dumps(result, ensure_ascii=False) if json_output else text)


def say(message: str) -> None:
    """Tell something on stderr."""
    click.echo(message, err=True)


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
        """Run, and turn every error into a line and an exit code (see docs/ARCHITECTURE.md)."""
        argv = list(sys.argv[1:] if args is None else args)
        options["standalone_mode"] = False
        try:
            code = super().main(argv, *pass_on, **options)
            sys.stdout.flush()
        except click.exceptions.Exit as e:
            code = e.exit_code
        except (click.Abort, KeyboardInterrupt):
            code = _fail("interrupted", "--json" in argv, EXIT_INTERRUPTED)
        except click.ClickException as e:
            code = _fail(e.format_message(), True, e.exit_code) if "--json" in argv else _show(e)
        except BrokenPipeError:
            code = _close_silently()
        except AdaptError as e:
            if os.environ.get("ADAPT_DEBUG") == "1":
                raise
            code = _fail(str(e), "--json" in argv, 1)
        sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str, json_output: bool, code: int) -> int:
    if json_output:
        click.echo(json.dumps({"error": message}, ensure_ascii=False))
    click.echo(f"Error: {message}", err=True)
    return code


def _show(error: click.ClickException) -> int:
    error.show()
    return error.exit_code


@contextmanager
def _silent_without_reader() -> Iterator[None]:
    # Where click itself finds the pipe closed, it leaves with exit code 1.
    try:
        yield
    except BrokenPipeError:
        raise click.exceptions.Exit(_close_silently()) from None


def _close_silently() -> int:
    # The reader has gone: leave nothing for the interpreter to flush into the closed pipe.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
