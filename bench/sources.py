"""What the user points at -> tasks: a BEIR folder, a folder of sentence pairs, a domain's sample."""

from collections.abc import Callable, Sequence
from pathlib import Path

from mteb.abstasks import AbsTask

from ..data.beir import BeirFolder, is_beir_folder
from ..data.domains import load_domain
from ..data.sample import sample_folder
from ..data.sentence_pairs import SENTENCE_COLUMNS, has_sentence_pairs, read_sentence_pairs, sentence_pairs_file
from ..errors import DataError
from .tasks import retrieval_task, sts_task


def task_from_folder(folder: Path, *, split: str, language: str) -> AbsTask:
    """Make a task of one split of a local folder.

    Raises:
        DataError: the folder is absent, of no known layout, or malformed.
    """
    if not folder.is_dir():
        raise DataError(f"the data folder {folder} does not exist")
    for is_of_layout, read in LAYOUTS:
        if is_of_layout(folder):
            return read(folder, split, language)
    raise DataError(
        f"{folder} is neither a BEIR folder (corpus.jsonl, queries.jsonl, qrels/{split}.tsv) nor one of sentence pairs "
        f"({language}-{split}.tsv with the columns {', '.join(SENTENCE_COLUMNS)})"
    )


def task_from_sample(domain: str, *, split: str, language: str) -> AbsTask:
    """Make a retrieval task of one split of a domain's sample; the domain is a name or a toml file.

    Raises:
        DomainError: the domain is unknown or its file is malformed.
        DataError: it has no sample in that language, or the sample has no such split.
    """
    name = load_domain(domain).sample
    if name is None:
        raise DataError(f"the domain {domain} has no sample; name data with --data DIR")
    folder = sample_folder(name, language)
    corpus = folder.corpus()
    return retrieval_task(f"sample-{name}-{language}", corpus, folder.pairs(split, corpus), language=language, split=split)


def _beir_task(folder: Path, split: str, language: str) -> AbsTask:
    beir = BeirFolder(folder)
    corpus = beir.corpus()
    return retrieval_task(folder.resolve().name, corpus, beir.pairs(split, corpus), language=language, split=split)


def _sts_task(folder: Path, split: str, language: str) -> AbsTask:
    path = sentence_pairs_file(folder, split=split, language=language)
    name = folder.resolve().name
    # The same pairs as MTEB's STSBenchmark (its English ones), though not its file: the name must not pass for MTEB's.
    title = ("STSBenchmark" if language == "en" else f"STSBenchmark-{language}") if "stsb" in name.lower() else name
    return sts_task(f"{title} (local)", read_sentence_pairs(path), language=language, split=split)


LAYOUTS: tuple[tuple[Callable[[Path], bool], Callable[[Path, str, str], AbsTask]], ...] = (
    (is_beir_folder, _beir_task),
    (has_sentence_pairs, _sts_task),
)
"""How a layout is recognised, and what makes a task of it."""


def make_tasks(folders: Sequence[Path], domains: Sequence[str], *, split: str, language: str) -> list[AbsTask]:
    """Make the tasks of local folders and of domains' samples.

    Raises:
        DataError: one cannot be read.
    """
    local = [task_from_folder(folder, split=split, language=language) for folder in folders]
    return local + [task_from_sample(domain, split=split, language=language) for domain in domains]
