"""WordNet's synonyms out of the files that Princeton gives out (index.noun, data.noun ...), or those that the user's nltk holds.

Source: https://wordnet.princeton.edu/documentation/wndb5wn (the format). Of a word, the synonyms are those of its first sense of each part of
speech, which is the most frequent one; words count as they stand, without a search for their base form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from zipfile import Path as ZipPath

from ...errors import DataError
from .stop_words import is_stop_word

PARTS = ("noun", "verb", "adj", "adv")
NLTK = "nltk"
"""In place of a folder: the WordNet that nltk has."""


Folder = Path | ZipPath
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class WordNet:
    """English synonyms: a word in lower case -> those of its most frequent senses."""

    groups: dict[str, tuple[str, ...]] = field(repr=False)

    def synonyms(self, word: str) -> tuple[str, ...]:
        """Return the synonyms of a word; none of a word that says little by itself."""
        return () if is_stop_word(word) else self.groups.get(word.lower(), ())


def open_wordnet(place: str) -> WordNet:
    """Read WordNet out of a folder with its files, or `nltk`.

    Raises:
        DataError: a file is not there, or not in the format; nltk is named, and it or its WordNet is not installed.
    """
    folder = _of_nltk() if place == NLTK else Path(place).expanduser()
    groups: dict[str, dict[str, None]] = {}
    for part in PARTS:
        for word, others in _read_part(folder, part):
            groups.setdefault(word, {}).update(dict.fromkeys(others))
    return WordNet({word: tuple(others) for word, others in groups.items() if others})


def _read_part(folder: Folder, part: str) -> Iterator[tuple[str, list[str]]]:
    """Give each word of one part of speech with the other words of its first sense."""
    senses = dict(_lines(folder, f"data.{part}", _sense))
    for word, offset in _lines(folder, f"index.{part}", _first_sense):
        if offset not in senses:
            raise DataError(f"{folder}: index.{part} names the sense {offset}, which data.{part} lacks; take both from one version")
        yield word, [other for other in senses[offset] if other.lower() != word]


def _lines(folder: Folder, name: str, read: Callable[[list[str]], R]) -> Iterator[R]:
    path = folder.joinpath(name)
    if not path.is_file():
        raise DataError(f"{folder} holds no {name}; expected WordNet's files index.{{{','.join(PARTS)}}} and data.{{{','.join(PARTS)}}}")
    with path.open("r", encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if line.startswith("  ") or not line.strip():  # the licence stands first
                continue
            try:
                yield read(line.split())
            except (ValueError, IndexError):
                raise DataError(f"{path}, line {number}: not a line of WordNet's {name}") from None


def _sense(cells: list[str]) -> tuple[str, list[str]]:
    """Read `offset lex_filenum ss_type w_cnt word lex_id ...`: the number of words is hexadecimal."""
    words = [cells[4 + 2 * row] for row in range(int(cells[3], 16))]
    return cells[0], [word.partition("(")[0].replace("_", " ") for word in words]


def _first_sense(cells: list[str]) -> tuple[str, str]:
    """Read `lemma pos synset_cnt p_cnt [ptr_symbol ...] sense_cnt tagsense_cnt offset ...`."""
    return cells[0].replace("_", " "), cells[6 + int(cells[3])]


def _of_nltk() -> Folder:
    try:
        import nltk.data  # type: ignore[import-not-found]
    except ImportError:
        raise DataError("nltk is not installed; install it (pip install nltk), or name a folder of WordNet's files") from None
    try:
        return Path(str(nltk.data.find("corpora/wordnet")))
    except LookupError:
        pass  # nltk's downloader leaves it packed
    try:
        return ZipPath(str(nltk.data.find("corpora/wordnet.zip")), "wordnet/")
    except LookupError:
        raise DataError(
            "nltk has no WordNet here; fetch it with python -m nltk.downloader wordnet, or name a folder of its files"
        ) from None
