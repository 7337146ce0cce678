"""BEIR folders: `corpus.jsonl` {_id, title, text}, `queries.jsonl` {_id, text}, `qrels/SPLIT.tsv`."""

from dataclasses import dataclass
from pathlib import Path

from ..errors import DataError
from .readers import read_jsonl, text_of
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
        """Read all passages.

        Raises:
            DataError: a line is malformed, an id comes twice, or there is none.
        """
        return _read_texts(self.path / "corpus.jsonl", titled=True)

    def queries(self) -> dict[str, str]:
        """Read all queries.

        Raises:
            DataError: a line is malformed, an id comes twice, or there is none.
        """
        return _read_texts(self.path / "queries.jsonl", titled=False)

    def pairs(self, split: str, corpus: Corpus) -> Pairs:
        """Read the queries of one split with their positives (a grade of 0 is no positive).

        Raises:
            DataError: the split is absent or empty, or a row is malformed or names a missing query or passage.
        """
        path, queries = self.path / "qrels" / f"{split}.tsv", self.queries()
        positives: dict[str, dict[str, int]] = {}
        for number, (qid, pid, grade) in _read_qrels(path, self.splits):
            if qid not in queries:
                raise DataError(f"{path}, line {number}: query {qid!r} is not in queries.jsonl")
            if pid not in corpus:
                raise DataError(f"{path}, line {number}: passage {pid!r} is not in corpus.jsonl")
            if grade > 0:
                positives.setdefault(qid, {})[pid] = grade
        if not positives:
            raise DataError(f"{path} holds no query with a positive passage")
        return Pairs({qid: queries[qid] for qid in positives}, positives)


def is_beir_folder(path: Path) -> bool:
    """Say whether a folder has the BEIR layout."""
    return (path / "corpus.jsonl").is_file() and (path / "queries.jsonl").is_file() and (path / "qrels").is_dir()


def _read_texts(path: Path, *, titled: bool) -> dict[str, str]:
    texts: dict[str, str] = {}
    for number, row in read_jsonl(path):
        key = text_of(path, number, row, "_id")
        if key in texts:
            raise DataError(f"{path}, line {number}: id {key!r} comes twice")
        body = text_of(path, number, row, "text")
        texts[key] = join_title(text_of(path, number, row, "title", optional=True), body) if titled else body
    if not texts:
        raise DataError(f"{path} is empty; expected one JSON object a line")
    return texts


def _read_qrels(path: Path, splits: list[str]) -> list[tuple[int, tuple[str, str, int]]]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise DataError(f"{path} does not exist; splits here: {', '.join(splits) or 'none'}") from None
    rows = []
    for number, line in enumerate(lines, start=1):
        cells = line.split("\t")
        if not line.strip() or (number == 1 and not cells[-1].strip().lstrip("-").isdigit()):
            continue  # the heading
        if len(cells) == 4:
            cells = [cells[0], *cells[2:]]  # TREC's form: query, iteration, passage, grade
        if len(cells) != 3 or not cells[2].strip().lstrip("-").isdigit():
            raise DataError(f"{path}, line {number}: expected query-id, corpus-id and a whole number separated by tabs, found {line[:80]!r}")
        rows.append((number, (cells[0], cells[1], int(cells[2]))))
    return rows
