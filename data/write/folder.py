"""Training data -> a folder of pair lines: a file a split, and the corpus beside them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...disk import new_folder
from ...errors import ConfigError
from ..lines_folder import CORPUS, SPLITS
from ..pairs import Corpus, Pairs, TrainingData
from ..readers import ID
from .lines import write_json_lines, write_lines


def write_folder(folder: Path, data: TrainingData, test: Pairs | None = None, test_corpus: Corpus | None = None) -> None:
    """Write `train.jsonl`, `dev.jsonl` and `test.jsonl` of what there is, and `corpus.jsonl`, whole or not at all.

    Args:
        folder: A new folder, or an empty one.
        data: The corpus, and the splits to train and choose on.
        test: The split that no training opens.
        test_corpus: The passages that its ids belong to; None: those of the corpus.

    Raises:
        ConfigError: something lies there already, or it cannot be written.
    """
    splits = {"train": data.train, "dev": data.dev, "test": test}
    texts = data.corpus if test_corpus is None else test_corpus
    with written_whole(folder) as part:
        for split in SPLITS:
            if (pairs := splits[split]) is not None:
                write_lines(part / f"{split}.jsonl", pairs, texts if split == "test" else data.corpus)
        write_json_lines(part / CORPUS, _passages(data.searched))


@contextmanager
def written_whole(folder: Path) -> Iterator[Path]:
    """Give an empty folder that becomes `folder` when the body ends, and is removed when it fails.

    Raises:
        ConfigError: something lies there already, or it cannot be written.
    """
    check_new_folder(folder)
    try:
        with new_folder(folder) as part:
            yield part
    except OSError as e:
        raise ConfigError(f"{folder} cannot be written: {e.strerror or e}") from e


def check_new_folder(folder: Path) -> None:
    """Refuse a place for a new folder where something lies already, or whose own folder is absent.

    Raises:
        ConfigError: so it is.
    """
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise ConfigError(f"{folder} exists already; give the name of a new folder, or remove that one first")
    if not folder.absolute().parent.is_dir():
        raise ConfigError(f"{folder} cannot be written: the folder {folder.absolute().parent} does not exist; make it first")


def _passages(corpus: Corpus) -> Iterator[dict[str, str]]:
    return ({ID: pid, "text": text} for pid, text in corpus.items())
