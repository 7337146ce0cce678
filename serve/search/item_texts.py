"""What items are called, of a corpus: shown with the results where the index keeps no texts, or where others are to be shown."""

from __future__ import annotations

from pathlib import Path

from ...data.corpus_files import find_corpus
from ...data.readers import stream_table, text_of
from ...errors import DataError


def read_texts(path: Path) -> dict[str, tuple[str, str]]:
    """Read titles and texts by id; all of them are held in memory.

    Args:
        path: A .jsonl, .csv, .tsv or .parquet file, or a BEIR folder.

    Raises:
        DataError: it is absent or malformed, or has no column of ids.
    """
    corpus = find_corpus(path)
    columns = corpus.columns
    if columns.id is None:
        raise DataError(f"{corpus.path} has no column of ids that is known by its name, by which texts are found; call it id")
    wanted = [each for each in (columns.id, columns.text, columns.title) if each is not None]
    return {
        str(row[columns.id]): (
            text_of(where, row, columns.title, optional=True) if columns.title is not None else "",
            text_of(where, row, columns.text),
        )
        for where, row in stream_table(corpus.path, wanted)
    }
