"""The sample that ships with the package, for a first run with no Hub (samples/README.md says how it was made)."""

from dataclasses import dataclass
from pathlib import Path

from ..errors import DataError
from .beir import BeirFolder
from .pairs import Corpus, Pairs

SAMPLES = Path(__file__).parent / "samples"


@dataclass(frozen=True, slots=True)
class Sample:
    """One domain's sample in one language. The corpus holds the passages of all three splits."""

    corpus: Corpus
    train: Pairs
    dev: Pairs
    test: Pairs


def load_sample(domain: str, lang: str) -> Sample:
    """Read a sample with its test split (training reads `sample_folder` without it).

    Raises:
        DataError: there is no sample of that name in that language.
    """
    folder = sample_folder(domain, lang)
    corpus = folder.corpus()
    return Sample(corpus, folder.pairs("train", corpus), folder.pairs("dev", corpus), folder.pairs("test", corpus))


def sample_folder(domain: str, lang: str) -> BeirFolder:
    """Return the folder of a sample.

    Raises:
        DataError: there is no sample of that name in that language.
    """
    if (lang, domain) not in sample_names():
        known = ", ".join(f"{name} ({language})" for language, name in sample_names())
        raise DataError(f"there is no sample {domain!r} in the language {lang!r}; samples: {known}. Name another source with --data")
    return BeirFolder(SAMPLES / lang / domain)


def sample_names() -> list[tuple[str, str]]:
    """Return (language, name) of every sample."""
    return sorted((file.parent.parent.name, file.parent.name) for file in SAMPLES.glob("*/*/corpus.jsonl"))
