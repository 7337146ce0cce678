"""`adapt search`: what references find in an index, side by side with the base."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import AdaptError, RequestError, did_you_mean
from . import life
from .command import Command
from .completion import REFERENCE
from .events import shown
from .options import WholeNumber, common_options
from .options.encoder import EncoderOptions, encoder_options
from .output import emit, say
from .streams import echo

if TYPE_CHECKING:
    from ..events import Events
    from ..index.opened import OpenSearch
    from ..registry import Registry


@click.command(name="search", cls=Command)
@click.argument("words", metavar="REF... [QUERY]", nargs=-1, required=True, type=REFERENCE)
@click.option("--index", metavar="DIR", type=click.Path(path_type=Path), required=True, help="The index, as adapt index build makes it.")
@click.option("-q", "--query", metavar="TEXT", help="The query, where it could be taken for a reference.")
@click.option(
    "--queries", metavar="FILE", type=click.Path(path_type=Path), help="Queries: a text a line, or a table with ids; a BEIR folder."
)
@click.option(
    "--qrels", metavar="FILE", type=click.Path(path_type=Path), help="Judgements of --queries: tell where the known answers stand."
)
@click.option("--top", type=WholeNumber(min=1), default=10, show_default=True, metavar="N", help="Rows to show of each reference.")
@encoder_options
@common_options
def command(
    words: tuple[str, ...],
    index: Path,
    query: str | None,
    queries: Path | None,
    qrels: Path | None,
    top: int,
    encoder: EncoderOptions,
    json_output: bool,
    registry_dir: Path | None,
) -> None:
    """Search an index with each REF, and show beside it where the base has the same rows: what rose and what fell.

    QUERY is the last word, where it is not a reference. Without a query, each line of the standard input is one; on a terminal they are
    typed at a prompt. The search is exact. A REF is for queries alone (adapt train --side query), or is what made the index.
    """
    from ..index.job import SearchRequest, prepare_search

    where = encoder.search(registry_dir)
    references, asked = split_words(words, query, queries, where.registry)
    if qrels is not None and queries is None:
        raise RequestError("--qrels names queries by their ids; give --queries FILE with them")
    if json_output and asked is None and queries is None and sys.stdin.isatty():
        raise RequestError("--json prints one object; give a query, or --queries FILE")
    request = SearchRequest(index=index, references=references, top=top, where=where, settings=encoder.settings("auto"))
    with shown() as events:
        job = prepare_search(request, events)
        texts, ids, answers = _read(asked, queries, qrels, events)
        opened = job.open(events)
        if texts is None:
            _prompt(opened)
            return
        events.stage("searching")
        report = opened.search(texts, ids=ids, answers=answers)
    from .search_text import report_text

    emit(report.as_dict(), report_text(report), json_output)


def split_words(words: Sequence[str], query: str | None, queries: Path | None, registry: Registry) -> tuple[tuple[str, ...], str | None]:
    """Tell the references from the query: the last of several words, where it is not a reference.

    Raises:
        RequestError: there are two queries.
    """
    if query is not None and queries is not None:
        raise RequestError("-q and --queries exclude one another; give one of them")
    if query is not None or queries is not None or len(words) == 1 or _is_reference(words[-1], registry):
        return tuple(words), query
    names = ["base", *dict.fromkeys(entry.name for entry in registry.entries())]
    if near := did_you_mean(words[-1], names):
        say(f"{words[-1]!r} is not a reference, and is taken for the query.{near}")
    return tuple(words[:-1]), words[-1]


def _is_reference(word: str, registry: Registry) -> bool:
    if word == "base" or word.startswith("hf:") or _is_folder(word):
        return True
    try:
        registry.find_reference(word)
    except AdaptError:
        return False
    return True


def _is_folder(word: str) -> bool:
    try:
        return Path(word).expanduser().is_dir()
    except (OSError, RuntimeError, ValueError):  # too long for a name, or the home of a user who is not here: a query
        return False


def _read(
    query: str | None, queries: Path | None, qrels: Path | None, events: Events
) -> tuple[list[str] | None, list[str] | None, dict[str, dict[str, int]]]:
    """Return texts, ids and answers; None for texts that are typed."""
    from ..data.query_files import read_answers, read_query_file
    from .text_input import read_lines

    if query is not None:
        return [query], None, {}
    if queries is None:
        return (None if sys.stdin.isatty() else read_lines(None)), None, {}
    found = read_query_file(queries)
    if qrels is None:
        return list(found.values()), list(found), {}
    answers = read_answers(qrels)
    judged = {each: text for each, text in found.items() if each in answers}
    if not judged:
        raise RequestError(f"{qrels} judges none of the {len(found)} queries of {queries}: their ids differ")
    if len(judged) < len(found):
        events.note(f"{len(judged)} of {len(found)} queries are judged in {qrels.name}; the others are left out")
    return list(judged.values()), list(judged), answers


def _prompt(opened: OpenSearch) -> None:
    """Search what is typed, until an empty line or the end."""
    from .search_text import query_text

    for line in _typed():
        try:
            report = opened.search([line])
        except AdaptError as e:
            say(f"Error: {e}")
            continue
        echo(query_text(report, report.queries[0]))


def _typed() -> Iterator[str]:
    while True:
        with life.paused():
            click.echo("query> ", nl=False, err=True)
            line = sys.stdin.readline()
        if not line.strip():
            return
        yield line.strip()
