"""A file of pairs, which training reads, as a task: what each query ranks is the pool of the file's passages, or its own candidates."""

from collections.abc import Collection, Sequence
from pathlib import Path

from mteb.abstasks import AbsTask

from ..data.candidates import own_candidates
from ..data.columns import Role, describe_unused, named_roles, role_of, stated_by
from ..data.conversations import conversation_column
from ..data.gather import TextRow, pool_rows
from ..data.labelled import SPLIT_COLUMN, read_split
from ..data.pair_files import holds_flag_lines, read_pair_file
from ..data.read.reading import Reading
from ..data.readers import read_heading
from ..data.shapes import PairShape
from ..data.tables import COLUMNS
from ..data.usual_names import guess_columns
from ..errors import DataError
from .tasks.layouts import Source, TableLayout
from .tasks.notes import with_notes
from .tasks.reranking import reranking_task
from .tasks.retrieval import retrieval_task

ROLES_NEEDED: tuple[Role, ...] = ("query", "positive")


def read_table(source: Source) -> AbsTask:
    """Make a task of a file of pairs, and note what is ranked.

    It is retrieval over the pool of all positives and negatives, which is the only corpus there is. FlagEmbedding lines of which each
    query has negatives are reranking: each query ranks its own passages. With a column `split`, the queries of the split are scored, and
    the pool stays whole.

    Raises:
        DataError: as `read_pair_file`, no row is of the split, or every passage answers every query.
    """
    table, split = source.table, source.split
    how = Reading()
    read = read_pair_file(table, how)
    corpus, pairs = pool_rows(read.rows, str(table))
    notes = (*how.notes, *read.notes)
    if SPLIT_COLUMN in pair_heading(table):
        asked, notes = _queries_of(table, read.rows, split), _notes_but_split(table)
        pairs = pairs.select(qid for qid, text in pairs.queries.items() if text in asked)
    candidates = own_candidates(pairs) if holds_flag_lines(table, how) else None
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


def pair_heading(table: Path) -> list[str]:
    """Return the columns of a table of pairs; in a workbook they may stand below a title.

    Raises:
        DataError: as `read_heading`.
    """
    how = Reading()
    try:
        return read_heading(table, how, PairShape(str(table), how).meet)
    except DataError:
        return read_heading(table, how)


def pair_roles(columns: Sequence[str]) -> list[str]:
    """Return the roles that columns of pairs have, by the names that count and by the usual ones."""
    known = named_roles(columns)
    if "query" not in known and conversation_column(columns) is not None:
        return list(ROLES_NEEDED)
    free = [column for column in columns if role_of(column) is None]
    guessed = {column: role for role in ROLES_NEEDED if role not in known for column in guess_columns(role, free)}
    return [guessed.get(column, role) for column, role in zip(columns, known, strict=True)]


def _queries_of(table: Path, rows: Collection[TextRow], split: str) -> set[str]:
    """Return the queries of the rows that the column names."""
    places = {where for where, _ in read_split(table, (SPLIT_COLUMN,), split, Reading())}
    return {row.query for row in rows if row.where in places}


def _notes_but_split(table: Path) -> tuple[str, ...]:
    """Return what is not used of a table; training does not use the column, and here it is."""
    found = pair_heading(table)
    unused = [
        column
        for column, role in zip(found, pair_roles(found), strict=False)
        if role == column != SPLIT_COLUMN and role_of(column) is None and stated_by(column) is None
    ]
    return describe_unused(str(table), unused, [column for column in found if column not in unused and column != SPLIT_COLUMN])


PAIR_TABLE = TableLayout("retrieval; also query, pos in FlagEmbedding lines", COLUMNS, read_table, pair_roles)
