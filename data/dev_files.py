"""A path that the user names as a dev set -> what is scored: of which kind it is shows in its files' names and headings. A test split is never opened."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..choices import Role
from ..errors import DataError
from ..files import near_files
from ..metric_names import DevKind, metric_of
from .beir import BeirFolder
from .dev_set import DEV_SEED, DevSet, draw_dev_set
from .draw import draw
from .gather import pool_rows
from .labelled import PAIR_COLUMNS, SPLIT_COLUMN, LabelledTexts, read_labelled_pairs, read_labelled_texts
from .lines_folder import LinesFolder
from .pair_files import check_pair_file, read_pair_file
from .read.files import table_suffix
from .readers import read_heading
from .sentence_pairs import SENTENCE_COLUMNS, SentencePairs, draw_sentence_pairs, read_sentence_pairs, sentence_pairs_file
from .split_tables import split_table

if TYPE_CHECKING:
    from .dev_labels import DevClasses, DevPairs

DEV = "dev"
_TEST_SPLIT = re.compile(r"([a-z]{2}-)?test")
MAX_ROWS = 2000
"""So many pairs or texts of a dev set are scored at most, and so many texts a regression is fitted to."""
GENERAL_PAIRS = 500
_COLUMNS: dict[DevKind, tuple[str, ...]] = {
    "scored pairs": SENTENCE_COLUMNS,
    "labelled pairs": PAIR_COLUMNS,
    "classes": ("text", "label"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DevReading:
    """How dev sets are read.

    Attributes:
        language: Which of a folder's tables, where their names begin with a language.
        metric: What is measured where a set's kind has it, by its spelling; None: each kind's default.
        first_role: How single texts, and the first ones of sentence pairs, go in.
        skip_dangling: Whether judgements that name what is not there are skipped.
    """

    language: str
    metric: str | None = None
    first_role: Role = "document"
    skip_dangling: bool = False


def kind_of(path: Path, language: str) -> DevKind:
    """Return the kind of a dev set; rows are not read.

    Raises:
        DataError: it does not exist, has no dev split, or is of no kind that is known.
    """
    if not path.exists():
        raise DataError(f"the dev set {path} does not exist.{near_files(path)}")
    if path.is_file() and _TEST_SPLIT.fullmatch(name_of(path)):
        raise DataError(f"{path} is a test split, which is kept for adapt bench; name other data")
    if (path / "qrels").is_dir():
        splits = BeirFolder(path).splits
        if DEV not in splits:
            raise DataError(f"{path} has no dev split; splits here: {', '.join(splits) or 'none'}")
        return "retrieval"
    if _is_lines(path):
        return "retrieval"
    table = split_table(path, split=DEV, language=language)
    heading = read_heading(table)
    for kind, columns in _COLUMNS.items():
        if set(columns) <= set(heading):
            return kind
    check_pair_file(table)
    return "retrieval"


def _is_lines(path: Path) -> bool:
    """Whether a folder holds a split of pair lines: of tables, which may have the same names, the rows have no query."""
    lines = path / f"{DEV}.jsonl"
    return path.is_dir() and lines.is_file() and not any(set(columns) <= set(read_heading(lines)) for columns in _COLUMNS.values())


def read_dev_set(path: Path, reading: DevReading) -> DevSet | DevPairs | DevClasses:
    """Read a dev set.

    Raises:
        DataError: as `kind_of`, or a row is malformed, or all targets are the same.
    """
    return _READERS[kind_of(path, reading.language)](path, reading)


def read_general(folder: Path, language: str, first_role: Role) -> DevPairs:
    """Read the sentence pairs by which general ability is watched: of the dev split in one language, at most 500.

    Raises:
        DataError: there is no such table, or a row is malformed, or all similarities are the same.
    """
    if not folder.is_dir():
        raise DataError(f"the folder of general sentence pairs {folder} does not exist.{near_files(folder)}")
    pairs = read_sentence_pairs(sentence_pairs_file(folder, split=DEV, language=language), DEV)
    return _scored(draw_sentence_pairs(pairs, GENERAL_PAIRS, DEV_SEED), folder, DevReading(language=language, first_role=first_role))


def _read_retrieval(path: Path, reading: DevReading) -> DevSet:
    from ..metrics import retrieval_metric

    if (path / "qrels").is_dir():
        read = BeirFolder(path, reading.skip_dangling).load(DEV)
        corpus, pairs = read.corpus, read.pairs[DEV]
    elif _is_lines(path):
        lines = LinesFolder(path).load(DEV)
        corpus, pairs = lines.corpus, lines.pairs[DEV]
    else:
        table = split_table(path, split=DEV, language=reading.language)
        corpus, pairs = pool_rows(read_pair_file(table).rows, str(table))
    return draw_dev_set(pairs, corpus, retrieval_metric(metric_of("retrieval", reading.metric)))


def _read_scored(path: Path, reading: DevReading) -> DevPairs:
    pairs = read_sentence_pairs(split_table(path, split=DEV, language=reading.language), DEV)
    return _scored(draw_sentence_pairs(pairs, MAX_ROWS, DEV_SEED), path, reading)


def _scored(pairs: SentencePairs, path: Path, reading: DevReading) -> DevPairs:
    return _pairs("scored pairs", pairs.first, pairs.second, pairs.scores, path, reading)


def _read_labelled(path: Path, reading: DevReading) -> DevPairs:
    pairs = read_labelled_pairs(split_table(path, split=DEV, language=reading.language), DEV)
    rows = draw(range(len(pairs)), MAX_ROWS, DEV_SEED)
    first, second, labels = ([side[row] for row in rows] for side in (pairs.first, pairs.second, pairs.labels))
    return _pairs("labelled pairs", first, second, labels, path, reading)  # type: ignore[arg-type]  # the three are of two types


def _pairs(kind: DevKind, first: list[str], second: list[str], targets: list[float], path: Path, reading: DevReading) -> DevPairs:
    from .dev_labels import DevPairs

    if len(set(targets)) < 2:
        raise DataError(
            f"{path}: all {len(targets)} pairs have the {'label' if kind == 'labelled pairs' else 'score'} {targets[0]}; two are needed"
        )
    metric = metric_of(kind, reading.metric)
    return DevPairs(kind=kind, first=first, second=second, targets=targets, metric=metric, first_role=reading.first_role)


def _read_classes(path: Path, reading: DevReading) -> DevClasses:
    from .dev_labels import DevClasses

    train, dev = (_texts_of(path, split, reading.language) for split in ("train", DEV))
    unknown = sorted(set(dev.labels) - set(train.labels))
    if unknown:
        raise DataError(f"{path}: the label {unknown[0]!r} stands in the dev split alone; each needs texts in the train split")
    if len(set(dev.labels)) < 2:
        raise DataError(f"{path}: all texts of the dev split have the label {dev.labels[0]!r}; two are needed")
    return DevClasses(
        train=train.texts,
        train_labels=train.labels,
        dev=dev.texts,
        dev_labels=dev.labels,
        metric=metric_of("classes", reading.metric),
        role=reading.first_role,
    )


def _texts_of(path: Path, split: str, language: str) -> LabelledTexts:
    table = split_table(path, split=split, language=language)
    if split_table(path, split=DEV, language=language) == table and SPLIT_COLUMN not in read_heading(table):
        raise DataError(
            f"{table} has no column {SPLIT_COLUMN}; classes are learned from rows with train there, and scored on rows with dev"
        )
    texts = read_labelled_texts(table, split)
    rows = sorted(draw(range(len(texts)), MAX_ROWS, DEV_SEED))
    return LabelledTexts([texts.texts[row] for row in rows], [texts.labels[row] for row in rows])


_READERS: dict[DevKind, Callable[[Path, DevReading], DevSet | DevPairs | DevClasses]] = {
    "retrieval": _read_retrieval,
    "scored pairs": _read_scored,
    "labelled pairs": _read_labelled,
    "classes": _read_classes,
}


def name_of(path: Path) -> str:
    """Return what a dev set is called: its folder, or its file without what its name ends in."""
    resolved = path.resolve()
    suffix = table_suffix(resolved)
    return resolved.name[: resolved.name.index(suffix)] if suffix and not resolved.is_dir() else resolved.name
