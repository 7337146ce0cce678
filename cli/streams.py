"""The standard streams of a command: printing that is interrupted by no sign of life, and what happens where a stream cannot be written."""

import os
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TextIO

import click

from ..shown_text import defuse
from . import life


def echo(text: str) -> None:
    """Print a line on stdout; whatever a file of somebody's put into it, the terminal shows and does not obey."""
    with life.printing():
        click.echo(defuse(text))


def prepare_streams() -> bool:
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


def was_printing(error: OSError) -> bool:
    """Say whether an error comes from printing, and not from a file of the command's own."""
    return any(frame.f_code is click.echo.__code__ for frame, _ in traceback.walk_tb(error.__traceback__))


def close_silently() -> int:
    """Print no more, for nobody reads; return the exit code of that."""
    write_no_more(sys.stdout)
    return 0


def write_no_more(stream: TextIO | None) -> None:
    """Leave nothing for the interpreter to flush at its end into a stream that cannot be written."""
    if stream is not None:
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
