"""Sets that a word names: `hf:OWNER/NAME@REVISION[:CONFIG[/SPLIT]]` on the Hub, and `mteb:TASK`, the train split of a task of MTEB's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..errors import DataError, did_you_mean
from ..plurals import count
from .columns import gather_rows
from .domains import HubSet
from .gather import pool_rows
from .hub import load_hub_set, load_split
from .in_memory import read_mapping
from .pairs import TrainingData
from .read.held_out_rows import HeldOutRows
from .read.reading import Reading
from .read_options import PLAIN, ReadOptions
from .readers import Row
from .shapes import PairShape
from .source_words import MTEB, SET_PREFIXES

if TYPE_CHECKING:
    from datasets import Dataset

_HF_SET = re.compile(r"hf:(?P<id>[^@:\s]+)@(?P<revision>[^:\s]+)(:(?P<config>[^/\s]+)(/(?P<split>\S+))?)?")
_RANKING = ("Retrieval", "Reranking")
_TRAIN = "train"


@dataclass(frozen=True, slots=True)
class NamedSet:
    """A split of a set on the Hub, whose rows hold pairs."""

    id: str
    revision: str
    config: str = "default"
    split: str = _TRAIN


def is_named_set(source: str) -> bool:
    """Return whether a source is the name of a set, and not a path."""
    return source.startswith(SET_PREFIXES)


def read_set_name(source: str) -> NamedSet | None:
    """Return what `hf:...` names; None of `mteb:...`, which is looked up when it is loaded.

    Raises:
        DataError: it is not complete, or names a test split.
    """
    if source.startswith(MTEB):
        if not source.removeprefix(MTEB).strip():
            raise DataError("mteb: names no task; expected one such as mteb:NFCorpus")
        return None
    found = _HF_SET.fullmatch(source)
    if found is None:
        raise DataError(
            f"{source} does not name a set at a revision; expected hf:OWNER/NAME@REVISION, and behind it :CONFIG or :CONFIG/SPLIT, such as "
            "hf:owner/name@0123abc:default/train (a set's commits are on its page, under Files)"
        )
    named = NamedSet(**{name: value for name, value in found.groupdict().items() if value is not None})
    if named.split.startswith("test"):
        raise DataError(f"{source}: a test split is never trained on; name another split")
    return named


def load_named_set(source: str, *, lang: str, seed: int, read: ReadOptions = PLAIN) -> TrainingData:
    """Load a set that a word names. Rows that cannot be used are left out and counted: a set on the Hub cannot be corrected.

    Raises:
        DataError: it is neither cached nor available from the Hub, has no train split, or no columns of pairs.
    """
    named = read_set_name(source)
    if named is None:
        return load_task(source.removeprefix(MTEB).strip(), lang=lang, seed=seed)
    table = load_split(named.id, named.revision, named.config, named.split)
    how = Reading(read, held_out=HeldOutRows())
    how.bad.skip = True
    shape = PairShape(source, how)
    shape.meet(list(table.column_names))
    found = gather_rows(source, shape.rows(_rows(source, table)), read_mapping, how.bad, how.held_out)
    corpus, pairs = pool_rows(found.rows, source)
    notes = (f"{count(len(table), 'row')} of {source}", *how.notes, *found.notes)
    licence = (getattr(table.info, "license", None) or "").strip() or None
    return TrainingData(corpus=corpus, train=pairs, dev=None, source=source, language=lang, notes=notes, licence=licence)


def _rows(source: str, table: Dataset) -> Iterator[tuple[str, Row]]:
    for number, row in enumerate(table, start=1):
        yield f"{source}, row {number}", row


def load_task(name: str, *, lang: str, seed: int) -> TrainingData:
    """Load the train split of a task of MTEB's that ranks.

    Raises:
        DataError: there is no such task, it does not rank, evaluates on its train split, or its set is not in reach.
    """
    from mteb.get_tasks import TASK_LIST

    known = {task.metadata.name: task.metadata for task in TASK_LIST}
    if name not in known:
        raise DataError(f"MTEB has no task {name!r}.{did_you_mean(name, known)}")
    about = known[name]
    if about.type not in _RANKING or about.is_multilingual or list(about.modalities) != ["text"]:
        raise DataError(
            f"mteb:{name} is a task of the kind {about.type}{' in several languages' if about.is_multilingual else ''}; expected one of texts "
            "in one language that is Retrieval or Reranking. Name its set with hf:OWNER/NAME@REVISION and --columns"
        )
    if _TRAIN in about.eval_splits:
        raise DataError(f"mteb:{name} is scored on its train split, so that training on it would give a false score; name other data")
    licence = about.license if about.license and about.license != "not specified" else None
    found = HubSet(
        id=about.dataset["path"],
        revision=about.dataset["revision"],
        language=lang,
        page=str(about.reference),
        layout="beir",
        licence=licence,
    )
    data = load_hub_set(replace(found, verified=True), seed=seed)
    note = f"the train split of {name} ({found}); a gain on its test split is one in the same collection"
    return replace(data, source=f"{MTEB}{name}", notes=(note, *data.notes))
