"""BEIR folders: `corpus.jsonl` {_id, title, text}, `queries.jsonl` {_id, text}, `qrels/SPLIT.tsv`."""

from collections.abc import Callable, Container
from dataclasses import dataclass
from pathlib import Path

from ..errors import DataError
from .columns import describe_unused
from .pairs import Corpus, Pairs, join_title
from .qrels import Dangling, gather_positives, read_qrels
from .read.reading import Reading, strictly
from .read_options import ReadOptions
from .readers import ID, Row, filled_text_of, read_jsonl, text_of

_STANDARD_KEY = "metadata"  # in every BEIR folder, and never a text: not worth a line


@dataclass(frozen=True, slots=True)
class BeirData:
    """What was read of a BEIR folder: the corpus, the pairs of each split that was asked for, and the notes."""

    corpus: Corpus
    pairs: dict[str, Pairs]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BeirFolder:
    """The paths of a BEIR folder. Nothing is read before it is asked for, and no split but the one asked for.

    With `skip_dangling`, judgements and candidates that name a query or a passage that is not there are skipped; otherwise they are errors.
    `read` says how the files of texts are read; None: strictly, as UTF-8.
    """

    path: Path
    skip_dangling: bool = False
    read: ReadOptions | None = None

    @property
    def splits(self) -> list[str]:
        """The names of the splits that are there."""
        return sorted(file.stem for file in (self.path / "qrels").glob("*.tsv"))

    def load(self, *splits: str) -> BeirData:
        """Read the corpus and some splits, with a line for each thing that is not used, skipped or judged twice.

        Raises:
            DataError: as `corpus` and `pairs`.
        """
        how = strictly() if self.read is None else Reading(self.read)
        passages, queries = _read_corpus(self.path, how), _read_queries(self.path, how)
        judged = {split: self._judged(split, passages.texts, queries.texts) for split in splits}
        notes = (*how.notes, *passages.notes, *queries.notes, *(note for _, found in judged.values() for note in found))
        return BeirData(passages.texts, {split: pairs for split, (pairs, _) in judged.items()}, notes)

    def corpus(self) -> Corpus:
        """Read all passages. A passage may be empty as long as it answers nothing.

        Raises:
            DataError: a line is malformed, an id comes twice, or there is none.
        """
        return _read_corpus(self.path).texts

    def queries(self) -> dict[str, str]:
        """Read all queries.

        Raises:
            DataError: a line is malformed, a text is empty, an id comes twice, or there is none.
        """
        return _read_queries(self.path).texts

    def pairs(self, split: str, corpus: Corpus) -> Pairs:
        """Read the queries of one split with their positives (a grade of 0 or less is not a positive).

        Raises:
            DataError: the split is absent or empty, or a row is malformed, names a missing query or passage that is not to be skipped, or
                an empty passage.
        """
        return self._judged(split, corpus, self.queries())[0]

    def dangling(self, queries: Container[str], corpus: Container[str]) -> Dangling:
        """Return what decides of each row that names a query and a passage whether it is skipped."""
        return Dangling(self.skip_dangling, {"query": (queries, "queries.jsonl"), "passage": (corpus, "corpus.jsonl")})

    def _judged(self, split: str, corpus: Corpus, queries: dict[str, str]) -> tuple[Pairs, tuple[str, ...]]:
        path = self.path / "qrels" / f"{split}.tsv"
        if not path.is_file():
            raise DataError(f"{path} does not exist; splits here: {', '.join(self.splits) or 'none'}")
        dangling = self.dangling(queries, corpus)
        judged = gather_positives(row for row in read_qrels(path) if not dangling.is_skipped(*row[:3]))
        for (_, pid), where in judged.places.items():
            if not corpus[pid]:
                raise DataError(f"{where}: passage {pid!r} answers a query, but its text is empty")
        notes = (*dangling.notes("judgements"), *judged.notes)
        if not judged.positives:
            raise DataError(f"{path} holds no query with a positive passage" + "".join(f"; {note}" for note in notes))
        return Pairs({qid: queries[qid] for qid in judged.positives}, judged.positives), notes


@dataclass(frozen=True, slots=True)
class _Texts:
    """Id -> text of a file, and the line that names the keys which are not used, if there are any."""

    texts: dict[str, str]
    notes: tuple[str, ...]


def missing_parts(path: Path) -> list[str]:
    """Return what a folder lacks of the BEIR layout."""
    there = {"corpus.jsonl": Path.is_file, "queries.jsonl": Path.is_file, "qrels/": Path.is_dir}
    return [name for name, is_there in there.items() if not is_there(path / name)]


def _read_corpus(folder: Path, how: Reading | None = None) -> _Texts:
    def text(where: str, row: Row) -> str:
        return join_title(text_of(where, row, "title", optional=True), text_of(where, row, "text"))

    return _read_texts(folder / "corpus.jsonl", (ID, "title", "text"), text, how or strictly())


def _read_queries(folder: Path, how: Reading | None = None) -> _Texts:
    return _read_texts(folder / "queries.jsonl", (ID, "text"), lambda where, row: filled_text_of(where, row, "text"), how or strictly())


def _read_texts(path: Path, used: tuple[str, ...], text: Callable[[str, Row], str], how: Reading) -> _Texts:
    texts: dict[str, str] = {}
    keys: dict[str, None] = {}
    for where, row in read_jsonl(path, how):
        keys |= dict.fromkeys(row)
        try:
            key = text_of(where, row, ID)
            if key in texts:
                raise DataError(f"{where}: the id {key!r} occurs twice")
            texts[key] = text(where, row)
        except DataError as e:
            how.bad.refuse_error(where, e)
    if not texts:
        raise DataError(f"{path} is empty; expected one JSON object a line")
    return _Texts(texts, describe_unused(str(path), [key for key in keys if key not in (*used, _STANDARD_KEY)], used))
