"""Where the texts of pretraining come from: files, the passages of training data, or memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from ...data.domains import Domain
from ...data.glossary import read_glossary
from ...data.licence import join_licences, licence_beside
from ...data.preflight import CJK_SHARE
from ...data.read.held_out_rows import HeldOutRows
from ...data.sources import check_source, read_data
from ...data.unlabelled import FEW_TEXTS, UnlabelledTexts, check_corpus, read_texts, take_texts
from ...data.words import Terms, terms_of
from .request import PretrainRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadCorpus:
    """The texts of a run, and what is recorded of them."""

    texts: UnlabelledTexts
    terms: Terms
    source: str
    licence: str | None
    notes: tuple[str, ...]

    def warnings(self, base_language: str) -> Iterator[str]:
        """Say what will go wrong."""
        if self.texts.read < FEW_TEXTS:
            yield f"only {self.texts.read} texts: their words are memorised, and the held-out loss is noise; use at least {FEW_TEXTS}, better 10,000"
        language = self.language
        if base_language in ("en", "zh") and language != base_language:
            named = {"en": "English", "zh": "Chinese"}
            yield f"the texts seem to be {named[language]}, and the base is {named[base_language]}; name a base for their language, or --lang {language}"

    @property
    def language(self) -> str:
        """`zh` or `en`, by the share of Chinese characters among the letters of some texts."""
        letters = [letter for text in self.texts.train[:200] for letter in text[:500] if letter.isalpha()]
        chinese = sum("\u4e00" <= letter <= "\u9fff" for letter in letters)
        return "zh" if chinese >= CJK_SHARE * max(1, len(letters)) else "en"


def check_sources(request: PretrainRequest) -> None:
    """Refuse what cannot be read; of files, their first rows at most are read, and the glossary whole.

    Raises:
        DataError: it does not exist, or is of another kind.
    """
    for path in request.corpus:
        check_corpus(path, request.columns, request.encoding)
    if request.data is not None:
        check_source(request.data)
    _terms(request)


def read_corpus(request: PretrainRequest, domain: Domain, language: str) -> ReadCorpus:
    """Read the texts of a run; raises as `read_texts`, `read_data` and `take_texts`."""
    aside = [HeldOutRows() for _ in request.corpus]
    read = [read_texts(path, request.columns, request.encoding, held) for path, held in zip(request.corpus, aside, strict=True)]
    parts, names = [texts for texts, _ in read], [str(path) for path in request.corpus]
    notes, licences = [note for _, of_file in read for note in of_file], [licence_beside(path) for path in request.corpus]
    if request.data is not None:
        data = read_data(request.data, domain=domain, lang=language, seed=request.config.seed)
        parts, names = [*parts, iter(data.corpus.values())], [*names, data.source]
        notes, licences = [*notes, *data.notes], [*licences, data.licence]
    if request.texts:
        parts, names, licences = [*parts, iter(request.texts)], [*names, "in memory"], [*licences, None]
    config = request.config
    texts = take_texts(chain(*parts), most=config.texts, held_out=config.held_out, seed=config.seed)
    notes += [line for path, held in zip(request.corpus, aside, strict=True) for line in held.left_out(str(path))]
    licence = request.licence or join_licences(licences)
    return ReadCorpus(texts=texts, terms=_terms(request), source=" + ".join(names), licence=licence, notes=(*notes, *texts.notes))


def _terms(request: PretrainRequest) -> Terms:
    return terms_of(()) if request.glossary is None else read_glossary(request.glossary).names
