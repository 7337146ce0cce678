"""A domain's training sets on the Hub -> pairs, through `datasets`: from its cache where they lie there, else from the Hub."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from ..errors import DataError
from ..hub.datasets_cache import split_files
from ..hub.reach import hub_endpoint, hub_is_reachable
from ..hub.reasons import explain
from ..plurals import count
from .columns import describe_unused, numbered_like
from .domains import HubSet
from .draw import draw
from .gather import TextRow, pool_rows
from .pairs import Corpus, Pairs, TrainingData, draw_queries, join_title
from .qrels import Dangling, Judgement, check_grade, gather_positives, whole_grade
from .readers import Row

if TYPE_CHECKING:
    from datasets import Dataset

_USE_SAMPLE = "use the sample that ships with --data sample, or your own data with --data PATH"


def is_cached(hub_set: HubSet) -> bool:
    """Return whether every part of a set that training reads lies in the cache of `datasets`, at its very revision."""
    return all(split_files(hub_set.id, hub_set.revision, config, split) for config, split in _parts(hub_set))


def load_hub_set(hub_set: HubSet, *, seed: int) -> TrainingData:
    """Load a training set. Rows with an empty text are left out and counted in the notes.

    Raises:
        DataError: it is neither cached nor available from the Hub, or its columns are not those that the domain names.
    """
    notes = () if hub_set.verified else (f"{hub_set} has not been tested with this version of adapt: check what it holds",)
    load = _load_pairs if hub_set.layout == "pairs" else _load_beir
    data = load(hub_set, seed)
    return TrainingData(
        corpus=data.corpus,
        train=data.train,
        dev=data.dev,
        source=f"hub:{hub_set}",
        language=hub_set.language,
        notes=notes + data.notes,
        licence=hub_set.licence,
    )


def _parts(hub_set: HubSet) -> list[tuple[str, str]]:
    """Return the (config, split) pairs that are read; a test split is none of them."""
    texts = [("corpus", "corpus"), ("queries", "queries")] if hub_set.layout == "beir" else []
    return texts + [(hub_set.config, split) for split in (hub_set.split, hub_set.dev_split) if split]


def _load_pairs(hub_set: HubSet, seed: int) -> TrainingData:
    table = _load_split(hub_set, hub_set.config, hub_set.split)
    _require(hub_set, table, [hub_set.query or "", *_named(hub_set, table)])
    if hub_set.rows is not None and hub_set.rows < len(table):
        table = table.select(draw(range(len(table)), hub_set.rows, seed))
    columns = [numbered_like(name, table.column_names) if name else [] for name in (hub_set.positive, hub_set.negative)]
    by_row = [_text_rows(hub_set, number, row, *columns) for number, row in enumerate(table, start=1)]
    corpus, pairs = pool_rows([row for rows in by_row for row in rows], str(hub_set))
    notes = [f"{count(len(table), 'row')} of {hub_set}"]
    blank = sum(not rows for rows in by_row)
    if blank:
        notes.append(f"{blank} of them have an empty query or no positive and are left out")
    used = [hub_set.query or "", *columns[0], *columns[1]]
    unused = describe_unused(str(hub_set), [name for name in table.column_names if name not in used], used)
    return TrainingData(corpus=corpus, train=pairs, dev=None, source=str(hub_set), notes=(*notes, *unused))


def _text_rows(hub_set: HubSet, number: int, row: Row, positive: Sequence[str], negative: Sequence[str]) -> list[TextRow]:
    """Return a row for every wording of the query, or none where the query or all its positives are blank."""
    positives, negatives = (tuple(_texts([row[column] for column in columns])) for columns in (positive, negative))
    if not positives:
        return []
    return [TextRow(f"{hub_set}, row {number}", query, positives, negatives) for query in _texts(row[hub_set.query or ""])]


def _texts(value: object) -> Iterator[str]:
    """Yield the texts of a cell: a text, or lists of texts however deep; blank ones are left out."""
    if isinstance(value, str):
        if value.strip():
            yield value
    elif isinstance(value, Iterable):
        for item in value:
            yield from _texts(item)


def _load_beir(hub_set: HubSet, seed: int) -> TrainingData:
    passages, queries = _load_split(hub_set, "corpus", "corpus"), _load_split(hub_set, "queries", "queries")
    corpus = {str(row["_id"]): join_title(row.get("title"), row["text"] or "") for row in passages}
    texts = {str(row["_id"]): row["text"] for row in queries}
    train, notes = _judged(hub_set, hub_set.split, corpus, texts)
    dev = None
    if hub_set.dev_split:
        dev, more = _judged(hub_set, hub_set.dev_split, corpus, texts)
        notes += more
    if hub_set.rows is not None and hub_set.rows < len(train):
        train = draw_queries(train, hub_set.rows, seed)
    return TrainingData(
        corpus=corpus, train=train, dev=dev, source=str(hub_set), notes=(f"{count(len(train), 'query')} of {hub_set}", *notes)
    )


def _judged(hub_set: HubSet, split: str, corpus: Corpus, queries: dict[str, str]) -> tuple[Pairs, tuple[str, ...]]:
    """Return the pairs of a split and the notes: a set on the Hub cannot be corrected, so that dangling judgements are always left out."""
    table = _load_split(hub_set, hub_set.config, split)
    _require(hub_set, table, ["query-id", "corpus-id", "score"])
    filled = {name: {key for key, text in texts.items() if text} for name, texts in (("query", queries), ("passage", corpus))}
    dangling = Dangling(True, {name: (ids, f"{hub_set}, or is empty") for name, ids in filled.items()})
    judgements = (_judgement(f"{hub_set}, {split}, row {number}", row) for number, row in enumerate(table, start=1))
    judged = gather_positives(row for row in judgements if row[3] <= 0 or not dangling.is_skipped(*row[:3]))
    if not judged.positives:
        raise DataError(f"{hub_set} holds no query with a positive passage in its split {split!r}; {_USE_SAMPLE}")
    notes = (*dangling.notes(f"judgements of {hub_set}, {split},"), *judged.notes)
    return Pairs({qid: queries[qid] for qid in judged.positives}, judged.positives), notes


def _judgement(where: str, row: Row) -> Judgement:
    grade = whole_grade(row["score"])
    if grade is None:
        raise DataError(f"{where}: the grade is {row['score']!r}; expected a whole number")
    return where, str(row["query-id"]), str(row["corpus-id"]), check_grade(where, grade, row["score"])


def _load_split(hub_set: HubSet, config: str, split: str) -> "Dataset":
    return load_split(hub_set.id, hub_set.revision, config, split)


def load_split(repo: str, revision: str, config: str, split: str) -> "Dataset":
    """Load a split of a set at a revision: out of the cache of `datasets`, else from the Hub.

    Raises:
        DataError: it is in neither.
    """
    import datasets

    name = f"{repo}@{revision[:12]}"
    files = split_files(repo, revision, config, split)
    if files:
        return datasets.concatenate_datasets([datasets.Dataset.from_file(str(file)) for file in files])
    if not hub_is_reachable():
        raise DataError(f"{name} is not in the cache, and the Hub ({hub_endpoint()}) cannot be reached; {_USE_SAMPLE}")
    try:
        return datasets.load_dataset(repo, name=config, split=split, revision=revision)
    except Exception as e:  # datasets and its readers raise a dozen unrelated types
        raise DataError(f"{name} could not be loaded ({config}, {split}): {explain(e, repo=repo)}; {_USE_SAMPLE}") from e


def _named(hub_set: HubSet, table: "Dataset") -> list[str]:
    """Return the columns of positives and negatives that are named and not there, not even numbered."""
    return [name for name in (hub_set.positive, hub_set.negative) if name and not numbered_like(name, table.column_names)]


def _require(hub_set: HubSet, table: "Dataset", columns: list[str]) -> None:
    missing = [column for column in columns if column not in table.column_names]
    if missing:
        raise DataError(
            f"{hub_set} lacks the column {', '.join(missing)}; it has {', '.join(table.column_names)}. Correct the domain's file"
        )
