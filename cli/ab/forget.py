"""`adapt ab forget`: take a user out of an event log."""

from __future__ import annotations

from pathlib import Path

import click

from ...plurals import count
from ..command import Command
from ..options import common_options
from ..output import emit


@click.command(name="forget", cls=Command)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.argument("user", metavar="USER")
@common_options
def command(folder: Path, user: str, json_output: bool, registry_dir: Path | None) -> None:
    """Remove every line of USER from the event log DIR: what was answered, and what became of it.

    USER is the key that requests named; - reads it from the standard input, so that no list of commands keeps it. A file is rewritten whole
    or not at all. Where a server writes the log, the server does it. Copies of the log that lie elsewhere are not changed.
    """
    del registry_dir  # every command takes it; nothing of it is read
    from ...abtests.log.forget import forget_user
    from ..text_input import read_lines

    key = next(iter(read_lines(None)), "") if user == "-" else user
    forgotten = forget_user(folder.expanduser(), key)
    if not forgotten.files:
        text = f"{folder} holds nothing of this user"
    else:
        text = f"removed {count(forgotten.answers, 'answer')} and {count(forgotten.events, 'event')} from {count(forgotten.files, 'file')} of {folder}"
    emit(forgotten.as_dict(), text, json_output)
