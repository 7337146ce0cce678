"""Folders of data -> training data: BEIR folders, and folders of pair lines. A test split is not opened."""

from dataclasses import replace
from pathlib import Path

from ..errors import DataError
from .beir import BeirFolder, missing_parts
from .dev_set import DEV_SEED
from .lines_folder import LinesFolder
from .pairs import TrainingData
from .splits import split_dev


def check_beir(path: Path) -> None:
    """Refuse what is not a BEIR folder.

    Raises:
        DataError: it lacks a part.
    """
    missing = missing_parts(path)
    if missing:
        raise DataError(
            f"{path} is not a BEIR folder, it lacks {', '.join(missing)}; expected corpus.jsonl (_id, title, text), "
            "queries.jsonl (_id, text) and qrels/train.tsv (query-id, corpus-id, score), or train.jsonl with lines of pairs"
        )


def load_lines(folder: LinesFolder) -> TrainingData:
    """Load the train and dev lines of a folder; raises as `LinesFolder.load`."""
    data = folder.load(*(split for split in folder.splits if split != "test"))
    return TrainingData(
        corpus=data.corpus,
        train=data.pairs["train"],
        dev=data.pairs.get("dev"),
        source=str(folder.path),
        notes=data.notes,
        train_only=data.train_only,
    )


def load_beir(folder: BeirFolder) -> TrainingData:
    """Load the train and dev split of a BEIR folder.

    Raises:
        DataError: as `check_beir` and `BeirFolder.load`.
    """
    check_beir(folder.path)
    data = folder.load("train", *(["dev"] if "dev" in folder.splits else []))
    return TrainingData(corpus=data.corpus, train=data.pairs["train"], dev=data.pairs.get("dev"), source=str(folder.path), notes=data.notes)


def with_dev(data: TrainingData, seed: int = DEV_SEED) -> TrainingData:
    """Return data with a dev split: their own, else one that is held out where there are enough queries, with a note."""
    if data.dev is not None:
        return data
    train, dev, note = split_dev(data.train, data.corpus, seed)
    return replace(data, train=train, dev=dev, notes=(*data.notes, note))
