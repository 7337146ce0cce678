"""`adapt encode`: lines of text -> vectors."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..files import STDOUT, descriptor_of, write_file
from ..plurals import count
from .command import Command
from .completion import REFERENCE
from .events import shown
from .options import Choice, OutputFile, common_options
from .options.encoder import EncoderOptions, dim_option, encoder_options
from .output import emit, reserve_outputs, say
from .text_input import read_lines

if TYPE_CHECKING:
    from ..choices import Role
    from ..encoders import Vectors
    from ..encoders.job import EncodeReport


@click.command(name="encode", cls=Command)
@click.argument("reference", metavar="REF", type=REFERENCE)
@click.argument("file", metavar="[FILE]", required=False, type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "--as",
    "role",
    type=Choice(["query", "document"]),
    default="document",
    show_default=True,
    help="The role of the texts, which decides the instruction.",
)
@click.option(
    "-o",
    "--output",
    metavar="OUT.npy",
    type=OutputFile(),
    help="Write the vectors here, float32, a row for each line; - is the standard output.",
)
@dim_option
@encoder_options
@common_options
def command(
    reference: str,
    file: Path | None,
    role: Role,
    output: Path | None,
    dim: int | None,
    encoder: EncoderOptions,
    json_output: bool,
    registry_dir: Path | None,
) -> None:
    """Embed the lines of FILE, or of the standard input.

    REF is base, NAME, NAME@VERSION, NAME@ALIAS, a folder, or hf:OWNER/REPO. Without -o, the vectors are printed: in the
    JSON object with --json, else as a JSON list for each line of text (not into a terminal).
    """
    if not output and not json_output and sys.stdout.isatty():
        raise click.UsageError(
            "say where the vectors go: -o OUT.npy, --json for one JSON object, or into a pipe or a file (> OUT.jsonl) for a JSON list a line"
        )
    reserve_outputs({"-o": output}, json_output)
    if output and descriptor_of(output) == STDOUT and sys.stdout.isatty():
        raise click.UsageError(f"the bytes of the vectors do not go into a terminal; give -o a file, or send -o {output} into a pipe")
    _refuse_to_replace(file, output)
    from ..encoders.job import EncodeRequest, prepare_encode

    request = EncodeRequest(reference=reference, where=encoder.search(registry_dir), role=role, settings=encoder.settings("auto", dim))
    with shown() as events:
        report = prepare_encode(request, events).run(read_lines(file), events)
    _print(report, output, json_output)


def _print(report: EncodeReport, output: Path | None, json_output: bool) -> None:
    vectors = report.vectors
    text = f"{count(vectors.shape[0], 'vector')} of {vectors.shape[1]} dimensions"
    if output:
        write_file(output, _npy(vectors))
        emit(report.as_dict() | {"output": str(output)}, f"{text}, written to {output}", json_output)
    elif json_output:
        emit(report.as_dict() | {"vectors": vectors.tolist()}, text, json_output)
    else:
        for vector in vectors:
            click.echo(json.dumps(vector.tolist()))
        say(text)


def _refuse_to_replace(texts: Path | None, output: Path | None) -> None:
    """Refuse to write the vectors over the texts.

    Raises:
        ConfigError: the two files are one.
    """
    from ..errors import ConfigError

    if texts and output and texts.is_file() and output.is_file() and texts.samefile(output):
        raise ConfigError(f"-o {output} is the file of the texts, which the vectors would replace; give another name")


def _npy(vectors: Vectors) -> bytes:
    import numpy as np

    buffer = io.BytesIO()
    np.save(buffer, vectors)
    return buffer.getvalue()
