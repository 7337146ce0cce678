"""Results go to stdout, messages to stderr."""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from ..errors import ConfigError
from ..files import STDOUT, check_outputs, descriptor_of
from ..shown_text import defuse, defuse_json, one_line
from . import life
from .streams import echo, write_no_more

_TAKEN = "stdout is taken"


class ToldError(ConfigError):
    """An error whose result was printed, with the error in it where it is JSON."""


def emit(result: dict[str, Any], text: str, json_output: bool) -> None:
    """Print a result: one JSON object on stdout, or the text, on stderr where a file that was asked for goes to stdout."""
    if not json_output:
        ctx = click.get_current_context(silent=True)
        echo(text) if ctx is None or _TAKEN not in ctx.meta else say(text)
        return
    print_json(result)


def emit_after(write: Callable[[], None], result: dict[str, Any], text: str, json_output: bool) -> None:
    """Write the files that were asked for, then print a result: a file that fails costs the file, and not the text.

    Raises:
        ConfigError: a file cannot be written. With JSON, the one object on stdout is the result with the error in it.
    """
    try:
        write()
    except ConfigError as e:
        emit(result | {"error": str(e)}, text, json_output)
        raise ToldError(str(e)) from e
    emit(result, text, json_output)


def say(message: str) -> None:
    """Tell something on stderr, as `echo` does on stdout; where that cannot be written, the work goes on anyway."""
    try:
        with life.printing():
            click.echo(defuse(message), err=True)
    except OSError:
        write_no_more(sys.stderr)


def confirm(question: str, otherwise: str) -> None:
    """Ask on stderr whether to go on, and shown as `say` shows it.

    Args:
        question: What is asked.
        otherwise: What is told where the answer is no, such as `nothing was sent`.

    Raises:
        Exit: the answer is no; the exit code is 1.
        Abort: there is no answer.
    """
    with life.paused():
        is_yes = click.confirm(one_line(question), err=True)
    if not is_yes:
        say(otherwise)
        raise click.exceptions.Exit(1)


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


def print_json(result: dict[str, Any]) -> None:
    """Print the one JSON object of a command."""
    text = json.dumps(result, ensure_ascii=False)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(result)  # every character that stdout lacks as \uXXXX, which JSON reads back
    echo(defuse_json(text))
