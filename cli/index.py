"""`adapt index`: a corpus as vectors on disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..plurals import count
from .command import Group
from .completion import REFERENCE
from .events import shown
from .options import Choice, OutputFolder, common_options, gathered
from .options.encoder import EncoderOptions, dim_option, encoder_options
from .output import emit

if TYPE_CHECKING:
    from ..data.corpus_files import Field
    from ..index.manifest import VectorFormat
    from ..index.report import BuildReport

corpus_columns = gathered(
    "columns",
    dict,
    click.option(
        "--id-column", "id", metavar="NAME", help="The column of ids [default: by its name, such as _id; without one, rows are numbered]."
    ),
    click.option("--text-column", "text", metavar="NAME", help="The column of texts [default: by its name, such as text or passage]."),
    click.option("--title-column", "title", metavar="NAME", help="The column of titles, which go before the texts [default: by its name]."),
)
"""Add the options of which columns are read to a command, which gets them as one argument `columns`."""


@click.group(cls=Group)
def command() -> None:
    """Embed a corpus once; what adapts the queries alone searches it as it is."""


@command.command("build", short_help="Embed a corpus into a folder.")
@click.argument("corpus", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    metavar="DIR",
    type=OutputFolder(),
    required=True,
    help="The new folder; one that an interrupted build left is gone on with.",
)
@click.option("--ref", "reference", metavar="REF", type=REFERENCE, default="base", show_default=True, help="What embeds the documents.")
@click.option(
    "--vectors",
    type=Choice(["fp32", "bf16"]),
    default="fp32",
    show_default=True,
    help="What vectors are kept in: bf16 is half as large, and costs up to .001 of nDCG@10.",
)
@click.option(
    "--texts/--no-texts", "keep_texts", default=True, show_default=True, help="Keep the texts beside the vectors, for adapt search to show."
)
@corpus_columns
@dim_option
@encoder_options
@common_options
def build_command(
    corpus: Path,
    out: Path,
    reference: str,
    vectors: VectorFormat,
    keep_texts: bool,
    columns: dict[Field, str | None],
    dim: int | None,
    encoder: EncoderOptions,
    json_output: bool,
    registry_dir: Path | None,
) -> None:
    """Embed CORPUS, a .jsonl, .csv, .tsv (or .gz of these) or .parquet file or a BEIR folder, into a folder of vectors, ids and texts.

    The corpus is read row by row and in its order. After Ctrl-C or a kill the same command goes on, with the same result.
    """
    from ..index.build import BuildRequest, prepare_build

    request = BuildRequest(
        corpus=corpus,
        out=out,
        reference=reference,
        where=encoder.search(registry_dir),
        settings=encoder.settings("auto", dim),
        vectors=vectors,
        keep_texts=keep_texts,
        columns=columns,
    )
    with shown() as events:
        report = prepare_build(request, events).run(events)
    emit(report.as_dict(), _built(report), json_output)


@command.command("add", short_help="Embed more rows into an index.")
@click.argument("index", metavar="DIR", type=click.Path(path_type=Path))
@click.argument("corpus", metavar="MORE", type=click.Path(path_type=Path))
@corpus_columns
@encoder_options
@common_options
def add_command(
    index: Path, corpus: Path, columns: dict[Field, str | None], encoder: EncoderOptions, json_output: bool, registry_dir: Path | None
) -> None:
    """Embed the rows of MORE as those of the index in DIR were, and put them behind them.

    What is refused changes nothing: an id that is there already, a base, an adapter or a way of embedding that is another.
    """
    from ..index.build import AddRequest, prepare_add

    request = AddRequest(index=index, corpus=corpus, where=encoder.search(registry_dir), settings=encoder.settings("auto"), columns=columns)
    with shown() as events:
        report = prepare_add(request, events).run(events)
    emit(report.as_dict(), _built(report), json_output)


def _built(report: BuildReport) -> str:
    from ..plurals import format_size

    about = report.manifest
    rows = f"{count(report.added, 'row')} of {about.dimension} dimensions"
    whole = "" if report.added == about.count else f"; the index has {about.count} now"
    return f"{rows} in {report.seconds:.1f} s, kept in {about.vectors}{whole}: {report.path}, {format_size(about.size)}"


@command.command("info", short_help="Say what an index is.")
@click.argument("index", metavar="DIR", type=click.Path(path_type=Path))
@common_options
def info_command(index: Path, json_output: bool, **_: Any) -> None:
    """Say what is in the index in DIR, and what made it."""
    from ..index.folder import open_index
    from ..index.report import describe_index
    from ..plurals import format_size
    from ..text_values import value_lines
    from .render import render_facts

    opened = open_index(index)
    facts = describe_index(opened.path, opened.manifest)
    shown_facts = facts | {"size": format_size(opened.manifest.size)}
    emit(
        facts,
        render_facts([(name.replace("_", " "), "\n".join(value_lines(value)).strip('"')) for name, value in shown_facts.items()]),
        json_output,
    )


@command.command("verify", short_help="Check every file of an index against its hash.")
@click.argument("index", metavar="DIR", type=click.Path(path_type=Path))
@common_options
def verify_command(index: Path, json_output: bool, **_: Any) -> None:
    """Read the index in DIR through: is every file what was written, and every vector of length 1? The exit code is 1 where one is not."""
    from ..index.folder import find_faults, open_index

    opened = open_index(index)
    with shown() as events:
        faults = find_faults(opened, events)
    about = opened.manifest
    result = {"index": str(opened.path), "rows": about.count, "shards": len(about.shards), "faults": faults}
    whole = f"{opened.path}: {count(about.count, 'row')} in {count(len(about.shards), 'file')}, all as written"
    emit(result, "\n".join(faults) or whole, json_output)
    if faults:
        click.get_current_context().exit(1)
