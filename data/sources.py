"""What the user calls a data source -> the data of a training run. A test split is never opened here.

Unnamed, it is the domain's Hub sets where they are cached or can be reached, and the sample otherwise.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path

from ..choices import DATA_WORDS
from ..errors import ConfigError, DataError
from ..plurals import count
from .beir import BeirFolder
from .dev_set import DEV_SEED
from .domain_data import SAMPLE_SOURCE, load_domain_sets, load_sample, load_unnamed
from .domains import Domain, load_domain
from .folders import check_beir, load_beir, load_lines, with_dev
from .gather import pool_rows
from .in_memory import read_in_memory
from .licence import licence_beside
from .lines_folder import LinesFolder, is_lines_folder
from .named_sets import is_named_set, load_named_set, read_set_name
from .pair_files import check_pair_file, read_pair_file
from .pairs import Corpus, Pairs, TrainingData, draw_queries
from .read.held_out_rows import HeldOutRows
from .read.reading import Reading
from .read_options import PLAIN, ReadOptions
from .several import join_weighted
from .source_words import Sources, find_sources

LEFT_ASIDE = "--dev names what states are chosen by"
NO_DOMAIN = Domain(name="data", description={})
"""Whose data are the user's own."""


def load_training_data(
    source: object,
    *,
    domain: Domain,
    lang: str,
    seed: int,
    train_queries: int | None = None,
    skip_dangling: bool = False,
    read: ReadOptions = PLAIN,
) -> TrainingData:
    """Load the data of a training run.

    Args:
        source: "sample", "hub", a BEIR folder, a folder of pair lines, a file of FlagEmbedding lines, a table, or a set that a word names
            (`named_sets.py`); several of these in a list, or as `Sources`, are joined; None leaves the choice to the domain. Also what
            `read_in_memory` takes, or `TrainingData`, whose own dev split is kept.
        domain: Whose sample and Hub sets are meant.
        lang: The language of the sample and the Hub sets.
        seed: Draws queries. A dev split, where there is none, is the same for every seed, so that scores of several seeds are of one set.
        train_queries: How many queries to train on, drawn from the train split (None: all).
        skip_dangling: Of a BEIR folder, skip the judgements that name a query or a passage that is not there, and note how many.
        read: How files are read.

    Raises:
        DataError: the source is missing, empty, malformed or cannot be reached.
        ConfigError: `train_queries` is less than 1.
    """
    _check_count(train_queries)
    return _draw_train(with_dev(_load(source, _Loading(domain, lang, seed, skip_dangling, read))), train_queries, seed)


def read_data(
    source: object,
    *,
    domain: Domain = NO_DOMAIN,
    lang: str = "en",
    seed: int = DEV_SEED,
    skip_dangling: bool = False,
    read: ReadOptions = PLAIN,
) -> TrainingData:
    """Read a source as it is, for a tool to work on: no dev split is made where there is none, and no query is drawn.

    Arguments and errors are those of `load_training_data`; a domain is needed for `sample` and `hub` alone.
    """
    return _load(source, _Loading(domain, lang, seed, skip_dangling, read))


@dataclass(frozen=True, slots=True)
class _Loading:
    """What says how a source is loaded, as `load_training_data` describes it."""

    domain: Domain
    lang: str
    seed: int
    skip_dangling: bool = False
    read: ReadOptions = PLAIN
    is_one_of_several: bool = False


@dataclass(slots=True)
class TrainingSource:
    """A data source for runs that differ only in their seed: read once, unless the seed draws what is read.

    The arguments are those of `load_training_data`, and the licence of the texts where the user states it. Without `own_dev`, no dev split
    is held out, and one that is there is left aside: states are chosen by other data.
    """

    source: object
    domain: Domain
    lang: str
    train_queries: int | None = None
    skip_dangling: bool = False
    licence: str | None = None
    read: ReadOptions = PLAIN
    own_dev: bool = True
    _whole: TrainingData | None = field(default=None, init=False)

    def load(self, seed: int) -> TrainingData:
        """Return what `load_training_data` gives for a seed.

        Raises:
            DataError: as there.
            ConfigError: as there.
        """
        _check_count(self.train_queries)
        if self._whole is None or self._is_drawn_by_seed(self._whole):
            self._whole = self._read(seed)
        data = _draw_train(self._whole, self.train_queries, seed)
        return data if self.licence is None else replace(data, licence=self.licence)

    def _read(self, seed: int) -> TrainingData:
        load = load_training_data if self.own_dev else read_data
        data = load(self.source, domain=self.domain, lang=self.lang, seed=seed, skip_dangling=self.skip_dangling, read=self.read)
        if self.own_dev or data.dev is None:
            return data
        return replace(data, dev=None, notes=(*data.notes, f"the dev split of the data is left aside: {LEFT_ASIDE}"))

    def _is_drawn_by_seed(self, data: TrainingData) -> bool:
        """Return whether another seed reads other rows: of Hub sets that are larger than what is taken of them."""
        found = find_sources(self.source)
        names = [part.source for part in found.parts] if isinstance(found, Sources) else [found]
        is_of_hub = any(name is None or (isinstance(name, str) and name == "hub") for name in names) and not data.source.startswith(
            SAMPLE_SOURCE
        )
        return is_of_hub and any(hub_set.rows is not None for hub_set in self.domain.hub_sets(self.lang))


def check_source(source: object, read: ReadOptions = PLAIN, *, is_one_of_several: bool = False) -> None:
    """Refuse a path that is not a data source, its rows not being read. Data in memory are not checked.

    Args:
        source: As for `load_training_data`.
        read: How its files are read.
        is_one_of_several: Whether it is joined with others, so that the columns that are named may be another's.

    Raises:
        DataError: it does not exist, lacks a part or a column, or is of another kind.
        ConfigError: columns are named of a folder, which has its own.
    """
    source = find_sources(source)
    if isinstance(source, Sources):
        for part in source.parts:
            check_source(part.source, read, is_one_of_several=len(source.parts) > 1)
        return
    if source is None or not isinstance(source, str | PathLike) or source in DATA_WORDS:
        return
    if isinstance(source, str) and is_named_set(source):
        read_set_name(source)
        return
    path = Path(source).expanduser()
    if path.is_dir() and not is_one_of_several:
        _refuse_columns(path, read)
    how = Reading(read, is_one_of_several=is_one_of_several)
    if is_lines_folder(path):
        check_pair_file(path / "train.jsonl", Reading())
    elif path.is_dir():
        check_beir(path)
    else:
        check_pair_file(path, how)


def _refuse_columns(folder: Path, read: ReadOptions) -> None:
    if read.named or read.sheet is not None:
        option = "--columns" if read.named else "--sheet"
        raise ConfigError(f"{folder} is a folder, whose files have columns of their own; leave {option} out, or name one table")


def check_dev_source(source: str) -> None:
    """Refuse what `load_dev_data` would find no data in, as `check_source` does.

    Raises:
        DataError: as `check_source`.
        DomainError: it is neither a path nor a domain.
    """
    path = Path(source).expanduser()
    if _is_domain(source):
        load_domain(source)
    elif not (path.is_dir() and "dev" in BeirFolder(path).splits):
        check_source(str(path))


def load_dev_data(
    source: str, *, lang: str, seed: int = DEV_SEED, skip_dangling: bool = False, on_note: Callable[[str], None] | None = None
) -> tuple[str, Corpus, Pairs]:
    """Load dev data to choose by: a short name for people, the corpus, and the dev split.

    Args:
        source: A path as for `load_training_data`, or a domain (a name or a toml file), whose sample is meant.
        lang: The language of the sample.
        seed: Draws a dev split where there is none; unless given, the one that training holds out.
        skip_dangling: As for training.
        on_note: Called with a line on what was skipped, not used, or otherwise done to the data.

    Raises:
        DataError: the source is missing or malformed, or has too few queries to hold some out for dev.
        DomainError: it is neither a path nor a domain.
    """
    path = Path(source).expanduser()
    is_domain = _is_domain(source)
    name = load_domain(source).name if is_domain else path.resolve().name
    dev: Pairs | None
    if not is_domain and path.is_dir() and "dev" in BeirFolder(path).splits:
        read = BeirFolder(path, skip_dangling).load("dev")  # a train split is not asked for
        corpus, dev, notes = read.corpus, read.pairs["dev"], read.notes
    else:
        loaded = load_sample(load_domain(source), lang) if is_domain else _load_path(source, lang, skip_dangling)
        data = with_dev(loaded, seed)
        corpus, dev, notes = data.searched, data.dev, data.notes
    if dev is None:
        raise DataError(f"{source} has no dev split, and too few queries to hold some out; name a source with at least 100 pairs")
    if on_note:
        for note in notes:
            on_note(note)
    return name, corpus, dev


def _is_domain(source: str) -> bool:
    path = Path(source).expanduser()
    return path.suffix == ".toml" or not (path.exists() or "/" in source or path.suffix or is_named_set(source))


def _check_count(train_queries: int | None) -> None:
    if train_queries is not None and train_queries < 1:
        raise ConfigError(f"the number of train queries is {train_queries}; expected at least 1")


def _draw_train(data: TrainingData, train_queries: int | None, seed: int) -> TrainingData:
    if train_queries is None or train_queries >= len(data.train):
        return data
    note = f"{train_queries} of {count(len(data.train), 'train query')} are drawn (seed {seed})"
    return replace(data, train=draw_queries(data.train, train_queries, seed), notes=(*data.notes, note), drawn=train_queries)


def _load(source: object, how: _Loading) -> TrainingData:
    source = find_sources(source)
    if isinstance(source, Sources):
        each = replace(how, is_one_of_several=len(source.parts) > 1)
        return join_weighted([(_load(part.source, each), part) for part in source.parts])
    if source is None:
        return load_unnamed(how.domain, how.lang, how.seed)
    if isinstance(source, TrainingData):
        return source
    if not isinstance(source, str | PathLike):
        return read_in_memory(source, how.lang, how.read)
    if source == "sample":
        return load_sample(how.domain, how.lang)
    if source == "hub":
        return load_domain_sets(how.domain, how.lang, how.seed)
    if isinstance(source, str) and is_named_set(source):
        return load_named_set(source, lang=how.lang, seed=how.seed, read=how.read)
    return _load_path(
        str(source), how.lang, how.skip_dangling, Reading(how.read, is_one_of_several=how.is_one_of_several, held_out=HeldOutRows())
    )


def _load_path(source: str, lang: str, skip_dangling: bool, how: Reading | None = None) -> TrainingData:
    path, how = Path(source).expanduser(), how or Reading()
    if path.is_dir():
        read = how.options
        if not how.is_one_of_several:
            _refuse_columns(path, read)
        folder = LinesFolder(path, read) if is_lines_folder(path) else BeirFolder(path, skip_dangling or read.skip_bad, read)
        data = load_lines(folder) if isinstance(folder, LinesFolder) else load_beir(folder)
        return replace(data, language=lang, licence=licence_beside(path))
    try:
        found = read_pair_file(path, how)
        corpus, pairs = pool_rows(found.rows, str(path))
    except DataError as e:
        raise DataError("; ".join([str(e), *how.bad.notes()])) from None
    notes = (*how.notes, *found.notes)
    return TrainingData(corpus=corpus, train=pairs, dev=None, source=source, language=lang, notes=notes, licence=licence_beside(path))
