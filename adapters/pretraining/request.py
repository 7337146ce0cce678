"""What pretraining is asked to be, and what the words alone show to be wrong with it. Nothing here loads torch or looks for anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ...choices import DATA_WORDS
from ...data.corpus_files import Field
from ...data.read_options import read_encoding
from ...data.source_words import find_sources
from ...errors import RequestError
from ..optimisers import check_installed
from .config import PretrainConfig

if TYPE_CHECKING:
    from ...references import Search


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainRequest:
    """What to train on text, and how; None leaves a value to its default.

    Attributes:
        domain: The name of a domain, or any name.
        corpus: Files or BEIR folders of texts: .jsonl, .json, .csv, .tsv, .xlsx or .parquet, or .txt with a text a line; `.gz` and `.zst` of text.
        columns: Field of a corpus -> the column that is meant.
        encoding: Of the files, as Python names it; None: as they show.
        data: What `adapt train --data` takes; its passages alone are read, no query and no judgement.
        texts: Texts in memory.
        glossary: A table of terms, which are masked and deleted whole, and masked more often.
        config: Every setting.
        where: The registry, and which base; None: the user's own registry, and the default base.
        device: As torch names it; None: the best one here.
        name: In the registry; None: the domain's with `-pretrained`.
        resume: Whether a run that was interrupted goes on where it was.
        register: Whether the result becomes a version; else it stays in memory, and nothing is written.
        licence: Of the texts, by the Hub's id where it has one; None: not known.

    Raises:
        RequestError: there is no text, or values exclude one another.
        MissingExtraError: the optimiser needs a package that is not installed.
    """

    domain: str
    corpus: Sequence[Path] = ()
    columns: Mapping[Field, str | None] = field(default_factory=dict)
    encoding: str | None = None
    data: object = field(default=None, repr=False)
    texts: Sequence[str] = field(default=(), repr=False)
    glossary: Path | None = None
    config: PretrainConfig = field(default_factory=PretrainConfig)
    where: Search | None = None
    device: str | None = None
    name: str | None = None
    resume: bool = False
    register: bool = True
    licence: str | None = None

    def __post_init__(self) -> None:
        if isinstance(self.texts, str):
            raise RequestError("texts is one text; expected a list of them")
        object.__setattr__(self, "corpus", tuple(Path(each).expanduser() for each in self.corpus))
        object.__setattr__(self, "texts", tuple(self.texts))
        if self.glossary is not None:
            object.__setattr__(self, "glossary", Path(self.glossary).expanduser())
        if not self.corpus and self.data is None and not self.texts:
            raise RequestError("there is no text to train on; name a file with --corpus, or data whose passages are meant with --data")
        if self.resume and not self.register:
            raise RequestError(
                "only runs that are registered keep a state, so that there is nothing to resume without; leave one of them out"
            )
        if any(value is not None for value in self.columns.values()) and not self.corpus:
            raise RequestError("columns are of --corpus, which is not given; leave them out")
        if self.encoding is not None:
            object.__setattr__(self, "encoding", read_encoding(self.encoding))
        check_installed(self.config.optimiser)

    @property
    def has_own_data(self) -> bool:
        """Whether the texts are the user's, and not those of the domain."""
        source = find_sources(self.data)
        return bool(self.corpus or self.texts) or not (isinstance(source, str) and source in DATA_WORDS)
