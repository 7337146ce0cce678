"""A file of pairs, which training reads, as a task: what each query ranks is the pool of the file's passages, or its own candidates."""

from collections.abc import Collection
from pathlib import Path

from mteb.abstasks import AbsTask

from ..data.candidates import own_candidates
from ..data.columns import assign_roles, describe_unused, named_roles
from ..data.gather import TextRow, pool_rows
from ..data.labelled import SPLIT_COLUMN, read_split
from ..data.pair_files import holds_flag_lines, read_pair_file
from ..data.readers import read_heading
from ..data.tables import COLUMNS
from ..errors import DataError
from .tasks.layouts import Source, TableLayout
from .tasks.notes import with_notes
from .tasks.reranking import reranking_task
from .tasks.retrieval import retrieval_task


def read_table(source: Source) -> AbsTask:
    """Make a task of a file of pairs, and note what is ranked.

    It is retrieval over the pool of all positives and negatives, which is the only corpus there is. FlagEmbedding lines of which each
    query has negatives are reranking: each query ranks its own passages. With a column `split`, the queries of the split are scored, and
    the pool stays whole.

    Raises:
        DataError: as `read_pair_file`, no row is of the split, or every passage answers every query.
    """
    table, split = source.table, source.split
    read = read_pair_file(table)
    corpus, pairs = pool_rows(read.rows, str(table))
    notes = read.notes
    if SPLIT_COLUMN in read_heading(table):
        asked, notes = _queries_of(table, read.rows, split), _notes_but_split(table)
        pairs = pairs.select(qid for qid, text in pairs.queries.items() if text in asked)
    candidates = own_candidates(pairs) if holds_flag_lines(table) else None
    if candidates is not None:
        task = reranking_task(source.name, corpus, pairs, candidates, language=source.language, split=split)
        return with_notes(task, (f"each query ranks its own positives and negatives in {table.name} alone", *notes))
    if all(len(own) == len(corpus) for own in pairs.positives.values()):
        raise DataError(
            f"{table}: every query is answered by every passage, so that there is nothing to rank; add rows with other passages, or negatives"
        )
    task = retrieval_task(source.name, corpus, pairs, language=source.language, split=split)
    pool = f"each query ranks all {len(corpus):,} passages of {table.name}, the pool of its positives and negatives"
    return with_notes(task, (pool, *notes))


def _queries_of(table: Path, rows: Collection[TextRow], split: str) -> set[str]:
    """Return the queries of the rows that the column names."""
    places = {where for where, _ in read_split(table, (), split)}
    return {row.query for row in rows if row.where in places}


def _notes_but_split(table: Path) -> tuple[str, ...]:
    """Return what is not used of a table; training does not use the column, and here it is."""
    roles = assign_roles(tuple(read_heading(table)))
    return describe_unused(str(table), [column for column in roles.unused if column != SPLIT_COLUMN], roles.used)


PAIR_TABLE = TableLayout("retrieval; also query, pos in FlagEmbedding lines", COLUMNS, read_table, named_roles)
