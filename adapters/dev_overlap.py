"""Dev sets that were named and hold what is trained on: their scores tell of memory, and the state that they choose is the one that remembers best."""

from __future__ import annotations

from collections.abc import Iterator

from ..data.dev_labels import DevClasses, DevPairs
from ..data.dev_set import DevSet
from ..data.pairs import TrainingData, normalise
from ..data.preflight import PreflightWarning
from .watch import Watch


def check_dev_sets(watch: Watch | None, data: TrainingData) -> Iterator[PreflightWarning]:
    """Warn of each dev set apart from the data's own of which some queries, pairs or texts are trained on."""
    if watch is None:
        return
    named = {each.name: each.dev for each in (watch.main, *watch.others) if not each.is_own}
    trained: set[tuple[str, ...]] | None = None
    for name, dev in (named | ({"general": watch.general} if watch.general is not None else {})).items():
        trained = _trained(data) if trained is None else trained
        asked = list(_asked(dev))
        seen = sum(each in trained for each in asked)
        if seen:
            yield PreflightWarning("dev-trained-on", _MESSAGE.format(seen=seen, all=len(asked), name=name))


_MESSAGE = (
    "{seen} of {all} rows of the dev set {name} are trained on: its score rewards memorising them, and says little about others; "
    "leave them out of the training data, or name another dev set"
)


def _asked(dev: DevSet | DevPairs | DevClasses) -> Iterator[tuple[str, ...]]:
    """Give what is asked of each row: a query, a pair of sentences, or a text; normalised."""
    if isinstance(dev, DevPairs):
        return ((normalise(first), normalise(second)) for first, second in zip(dev.first, dev.second, strict=True))
    return ((normalise(text),) for text in (dev.queries.values() if isinstance(dev, DevSet) else dev.dev))


def _trained(data: TrainingData) -> set[tuple[str, ...]]:
    """Return the queries that are trained on, and their pairs with a positive or a given negative; normalised."""
    train, seen = data.train, set[tuple[str, ...]]()
    for qid, text in train.queries.items():
        query = normalise(text)
        seen.add((query,))
        seen.update((query, normalise(data.corpus[pid])) for pid in (*train.positives[qid], *train.negatives.get(qid, ())))
    return seen
