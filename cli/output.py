"""Results go to stdout, messages to stderr, errors through one boundary."""

import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

import click

from ..errors import AdaptError, ConfigError
from ..files import STDOUT, check_outputs, descriptor_of
from . import life, process

EXIT_INTERRUPTED = 130
_TAKEN = "stdout is taken"


class _ToldError(ConfigError):
    """An error whose result was printed, with the error in it where it is JSON."""


def emit(result: dict[str, Any], text: str, json_output: bool) -> None:
    """Print a result: one JSON object on stdout, or the text, on stderr where a file that was asked for goes to stdout."""
    if not json_output:
        ctx = click.get_current_context(silent=True)
        _echo(text) if ctx is None or _TAKEN not in ctx.meta else say(text)
        return
    _print_json(result)


def emit_after(write: Callable[[], None], result: dict[str, Any], text: str, json_output: bool) -> None:
    """Write the files that were asked for, then print a result: a file that fails costs the file, and not the text.

    Raises:
        ConfigError: a file cannot be written. With JSON, the one object on stdout is the result with the error in it.
    """
    try:
        write()
    except ConfigError as e:
        emit(result | {"error": str(e)}, text, json_output)
        raise _ToldError(str(e)) from e
    emit(result, text, json_output)


def say(message: str) -> None:
    """Tell something on stderr; where that cannot be written, the work goes on all the same."""
    try:
        with life.printing():
            click.echo(message, err=True)
    except OSError:
        _write_no_more(sys.stderr)


def reserve_outputs(outputs: Mapping[str, Path | None], json_output: bool) -> None:
    """Check the files that a command will write, as `check_outputs`, and keep stdout for the one that goes there.

    Raises:
        ConfigError: as `check_outputs`.
        UsageError: one goes to stdout, and so does the JSON object.
    """
    check_outputs(outputs)
    for option, path in outputs.items():
        if path is not None and descriptor_of(path) == STDOUT:
            if json_output:
                raise click.UsageError(
                    f"{option} {path} and --json would both write to stdout; leave one of them out, or give {option} a file"
                )
            click.get_current_context().meta[_TAKEN] = True


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
        """Run, and turn every error into a line and an exit code (see docs/ARCHITECTURE.md).

        Without `args` this process is the command's own.
        """
        if args is None:
            process.start()
        argv = list(sys.argv[1:] if args is None else args)
        options["standalone_mode"] = False
        is_closed = _prepare_streams()
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
            code = _close_silently()
        except OSError as e:
            if not _was_printing(e):
                raise
            code = _fail_to_print(e.strerror or str(e))
        except AdaptError as e:
            if os.environ.get("ADAPT_DEBUG") == "1":
                raise
            code = _fail(str(e), "--json" in argv and not isinstance(e, _ToldError), 1)
        if is_closed and not code:
            code = _fail_to_print("it is closed")
        number = code if isinstance(code, int) else 0
        if args is None:
            process.leave(number)
        sys.exit(number)


def _print_json(result: dict[str, Any]) -> None:
    text = json.dumps(result, ensure_ascii=False)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(result)  # every character that stdout lacks as \uXXXX, which JSON reads back
    _echo(text)


def _echo(text: str) -> None:
    with life.printing():
        click.echo(text)


def _prepare_streams() -> bool:
    """Have the streams take whatever is printed; return whether stdout is closed, which the interpreter shows as None.

    A character that a stream's encoding lacks is printed as its number, where printing it would be an error.
    """
    is_closed = sys.stdout is None
    if is_closed:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 (open until the end)
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if getattr(stream, "errors", None) == "strict" and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    return is_closed


def _fail(message: str, json_output: bool, code: int) -> int:
    if json_output:
        try:
            _print_json({"error": message})
        except OSError:
            _write_no_more(sys.stdout)
    say(f"Error: {message}")
    return code


def _show(error: click.ClickException) -> int:
    try:
        error.show()
    except OSError:
        _write_no_more(sys.stderr)
    return error.exit_code


def _fail_to_print(why: str) -> int:
    _write_no_more(sys.stdout)
    return _fail(f"the result cannot be written to stdout: {why}", False, 1)


def _was_printing(error: OSError) -> bool:
    """Say whether an error comes from printing, and not from a file of the command's own."""
    return any(frame.f_code is click.echo.__code__ for frame, _ in traceback.walk_tb(error.__traceback__))


@contextmanager
def _silent_without_reader() -> Iterator[None]:
    # Where click itself finds the pipe closed, it leaves with exit code 1.
    try:
        yield
    except BrokenPipeError:
        raise click.exceptions.Exit(_close_silently()) from None


def _close_silently() -> int:
    _write_no_more(sys.stdout)
    return 0


def _write_no_more(stream: TextIO | None) -> None:
    """Leave nothing for the interpreter to flush at its end into a stream that cannot be written."""
    if stream is not None:
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
