"""`adapt encode`: lines of text -> vectors."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..files import STDOUT, descriptor_of, near_files, write_file
from ..plurals import count
from . import life
from .bars import text_bar
from .command import Command
from .completion import REFERENCE
from .encoder_options import EncoderOptions, encoder_options
from .options import Choice, OutputFile, common_options
from .output import emit, reserve_outputs, say

if TYPE_CHECKING:
    from ..choices import Role
    from ..encoders import Encoded, Encoder, Vectors


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
@encoder_options
@common_options
def command(
    reference: str,
    file: Path | None,
    role: Role,
    output: Path | None,
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
    from ..references import LoadedBases, check_has_vectors, check_length, open_encoder, resolve_reference

    resolved = resolve_reference(reference, encoder.search(registry_dir))
    check_has_vectors(resolved)
    check_length(resolved, encoder.max_tokens)
    for note in resolved.notes:
        say(note)
    texts = read_lines(file)
    life.doing("loading the base")
    opened = open_encoder(resolved, LoadedBases(encoder.settings("auto")))
    encoded = encode_with_bar(opened, texts, role)
    vectors = encoded.vectors
    if encoded.truncated:
        say(f"{encoded.truncated} of {len(texts)} texts were longer than {opened.max_tokens} tokens and were truncated")
    result: dict[str, object] = {
        "reference": resolved.reference,
        "base": " + ".join(base.name for base in resolved.bases),
        "role": role,
        "shape": list(vectors.shape),
        "truncated": encoded.truncated,
    }
    if output:
        write_file(output, _npy(vectors))
        result["output"] = str(output)
    elif json_output:
        result["vectors"] = vectors.tolist()
    text = f"{count(vectors.shape[0], 'vector')} of {vectors.shape[1]} dimensions"
    if output or json_output:
        emit(result, f"{text}, written to {output}", json_output)
        return
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


def read_lines(file: Path | None) -> list[str]:
    """Read a text file, or the standard input, line by line; an empty line is an empty text.

    Raises:
        DataError: it cannot be read, is not UTF-8, or holds no line.
    """
    from ..errors import DataError

    name = "the standard input" if file is None or str(file) == "-" else str(file)
    try:
        if name == "the standard input":
            with life.paused():  # somebody may be typing
                content = sys.stdin.buffer.read()
        else:
            content = Path(name).read_bytes()
        lines = io.StringIO(content.decode("utf-8-sig"), newline=None).read().split("\n")
    except UnicodeDecodeError as e:
        raise DataError(f"{name} is not UTF-8 text ({e.reason} at byte {e.start}); save it as UTF-8") from e
    except FileNotFoundError:
        raise DataError(f"{name} cannot be read: No such file or directory.{near_files(Path(name))}") from None
    except OSError as e:
        raise DataError(f"{name} cannot be read: {e.strerror}") from e
    if lines[-1] == "":
        lines.pop()
    if not lines:
        raise DataError(f"{name} is empty; expected one text a line")
    return lines


def encode_with_bar(opened: Encoder, texts: list[str], role: Role) -> Encoded:
    """Encode texts, and show how far it is."""
    with text_bar() as tell:
        done = 0

        def count(batch: int) -> None:
            nonlocal done
            done += batch
            tell("encoding", done, len(texts))

        return opened.encode(texts, role, on_batch=count)


def _npy(vectors: Vectors) -> bytes:
    import numpy as np

    buffer = io.BytesIO()
    np.save(buffer, vectors)
    return buffer.getvalue()
