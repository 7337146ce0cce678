"""A folder of pair lines: `train.jsonl` and, where there are any, `dev.jsonl`, `test.jsonl` and `corpus.jsonl`. The data tools write it.

Each split holds FlagEmbedding lines; `corpus.jsonl` ({_id, text}) gives the passages their ids, and holds those that no pair names. Where
it is there, a passage of `train.jsonl` that it lacks is for training alone: queries of dev and test are not searched among such passages.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..errors import DataError
from .corpus_files import CorpusColumns, CorpusFile
from .flag_lines import read_flag_lines
from .gather import pool_rows
from .pairs import Corpus, Pairs
from .read.reading import Reading, strictly
from .read_options import ReadOptions
from .readers import ID

Split = Literal["train", "dev", "test"]
SPLITS: tuple[Split, ...] = ("train", "dev", "test")
CORPUS = "corpus.jsonl"


def is_lines_folder(path: Path) -> bool:
    """Return whether a folder holds the training lines of one, and is not a BEIR folder."""
    return (path / "train.jsonl").is_file() and not (path / "qrels").is_dir()


@dataclass(frozen=True, slots=True)
class LinesData:
    """What was read of such a folder: the corpus, the pairs of each split that was asked for, the notes, and which passages train alone has."""

    corpus: Corpus
    pairs: dict[str, Pairs]
    notes: tuple[str, ...]
    train_only: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class LinesFolder:
    """The paths of such a folder. No split is read but the one asked for. `read` says how lines are read; None: strictly, as UTF-8."""

    path: Path
    read: ReadOptions | None = None

    @property
    def splits(self) -> list[str]:
        """The names of the splits that are there, in the order of `SPLITS`."""
        return [split for split in SPLITS if (self.path / f"{split}.jsonl").is_file()]

    def load(self, *splits: str) -> LinesData:
        """Read the corpus and some splits.

        Raises:
            DataError: a split is absent or empty, or a line is malformed.
        """
        how = strictly() if self.read is None else Reading(self.read)
        given = corpus = self._corpus()
        notes: list[str] = []
        pairs: dict[str, Pairs] = {}
        for split in splits:
            path = self.path / f"{split}.jsonl"
            if not path.is_file():
                raise DataError(f"{path} does not exist; splits here: {', '.join(self.splits) or 'none'}")
            read = read_flag_lines(path, how)
            corpus, pairs[split] = pool_rows(read.rows, str(path), corpus)
            notes += read.notes
        named = {pid for split in pairs if split != "train" for pid in pairs[split].passage_ids()}
        train_only = frozenset(corpus.keys() - given.keys() - named) if given else frozenset()
        return LinesData(corpus, pairs, (*how.notes, *notes), train_only)

    def _corpus(self) -> Corpus:
        path = self.path / CORPUS
        if not path.is_file():
            return {}
        corpus: Corpus = {}
        for passage in CorpusFile(path, CorpusColumns(text="text", id=ID)).passages():
            if passage.id in corpus:
                raise DataError(f"{passage.where}: the id {passage.id!r} occurs twice")
            corpus[passage.id] = passage.text
        return corpus
