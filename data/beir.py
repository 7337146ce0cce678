"""BEIR folders: `corpus.jsonl` {_id, title, text}, `queries.jsonl` {_id, text}, `qrels/SPLIT.tsv`."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import DataError
from .readers import filled_text_of, read_jsonl, reading, text_of
from .retrieval import Corpus, Pairs, join_title


@dataclass(frozen=True, slots=True)
class BeirFolder:
    """The paths of a BEIR folder. Nothing is read before it is asked for, and no split but the one asked for."""

    path: Path

    @property
    def splits(self) -> list[str]:
        """The names of the splits that are there."""
        return sorted(file.stem for file in (self.path / "qrels").glob("*.tsv"))

    def corpus(self) -> Corpus:
        """Read all passages. A passage may be empty as long as it answers nothing.

        Raises:
            DataError: a line is malformed, an id comes twice, or there is none.
        """
        rows = _read_rows(self.path / "corpus.jsonl")
        return _unique(
            (where, key, join_title(text_of(where, row, "title", optional=True), text_of(where, row, "text"))) for where, key, row in rows
        )

    def queries(self) -> dict[str, str]:
        """Read all queries.

        Raises:
            DataError: a line is malformed, a text is empty, an id comes twice, or there is none.
        """
        return _unique((where, key, filled_text_of(where, row, "text")) for where, key, row in _read_rows(self.path / "queries.jsonl"))

    def pairs(self, split: str, corpus: Corpus) -> Pairs:
        """Read the queries of one split with their positives (a grade of 0 or less is no positive).

        Raises:
            DataError: the split is absent or empty, or a row is malformed or names a missing query or a missing or empty passage.
        """
        path, queries = self.path / "qrels" / f"{split}.tsv", self.queries()
        if not path.is_file():
            raise DataError(f"{path} does not exist; splits here: {', '.join(self.splits) or 'none'}")
        positives: dict[str, dict[str, int]] = {}
        for where, qid, pid, grade in _read_qrels(path):
            if qid not in queries:
                raise DataError(f"{where}: query {qid!r} is not in queries.jsonl")
            if pid not in corpus:
                raise DataError(f"{where}: passage {pid!r} is not in corpus.jsonl")
            if grade > 0 and not corpus[pid]:
                raise DataError(f"{where}: passage {pid!r} answers a query, but its text is empty")
            if grade > 0:
                positives.setdefault(qid, {})[pid] = grade
        if not positives:
            raise DataError(f"{path} holds no query with a positive passage")
        return Pairs({qid: queries[qid] for qid in positives}, positives)


def is_beir_folder(path: Path) -> bool:
    """Say whether a folder has the BEIR layout."""
    return not missing_parts(path)


def missing_parts(path: Path) -> list[str]:
    """Return what a folder lacks of the BEIR layout."""
    there = {"corpus.jsonl": Path.is_file, "queries.jsonl": Path.is_file, "qrels/": Path.is_dir}
    return [name for name, is_there in there.items() if not is_there(path / name)]


def _read_rows(path: Path) -> Iterator[tuple[str, str, dict[str, object]]]:
    empty = True
    for where, row in read_jsonl(path):
        empty = False
        yield where, text_of(where, row, "_id"), row
    if empty:
        raise DataError(f"{path} is empty; expected one JSON object a line")


def _unique(rows: Iterator[tuple[str, str, str]]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for where, key, text in rows:
        if key in texts:
            raise DataError(f"{where}: id {key!r} comes twice")
        texts[key] = text
    return texts


def _read_qrels(path: Path) -> Iterator[tuple[str, str, str, int]]:
    with reading(path):
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    for number, line in enumerate(lines, start=1):
        cells = [cell.strip() for cell in line.split("\t")]
        if not line.strip() or (number == 1 and not any(sign.isdigit() for sign in cells[-1])):
            continue  # blank, or the heading
        if len(cells) == 4:
            cells = [cells[0], *cells[2:]]  # TREC's form: query, iteration, passage, grade
        grade = _grade(cells[-1])
        if len(cells) != 3 or grade is None:
            raise DataError(
                f"{path}, line {number}: expected query-id, corpus-id and a whole number separated by tabs, found {line.strip()[:80]!r}"
            )
        yield f"{path}, line {number}", cells[0], cells[1], grade


def _grade(text: str) -> int | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return int(value) if value.is_integer() else None
