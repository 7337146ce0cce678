"""Which of a bench's tasks are MTEB's own, and where their data lie on the Hub. mteb is imported where a name may be one of them, and not before."""

from __future__ import annotations

from dataclasses import dataclass

from ...bench.hub.written_names import WITH_SUBSET, written_tasks


@dataclass(frozen=True, slots=True)
class MtebData:
    """The data of a task of MTEB's.

    Attributes:
        task: Its name.
        subset: The one that was scored, as mteb calls it.
        id: The data set on the Hub.
        revision: Of the data set.
        metric: The main score by its name in a bench; None where it has none there.
        main_score: The main score by mteb's key.
    """

    task: str
    subset: str
    id: str
    revision: str | None
    metric: str | None
    main_score: str


def mteb_data(name: str) -> MtebData | None:
    """Return where the data of a task lie, by its name in a bench; None where it is not one of MTEB's, or its data are not on the Hub."""
    split = WITH_SUBSET.fullmatch(name)
    plain, subset = (name, None) if name in written_tasks() or split is None else (split["name"], split["subset"])
    if plain not in written_tasks():
        return None
    from mteb.get_tasks import TASK_LIST

    from ...bench.tasks.table import TASK_KINDS

    found = next((each.metadata for each in TASK_LIST if each.metadata.name == plain), None)
    if found is None or (subset is not None and subset not in found.hf_subsets) or not found.dataset.get("path"):
        return None
    metrics = TASK_KINDS[found.type].metrics if found.type in TASK_KINDS else {}
    return MtebData(
        task=plain,
        subset=subset or next(iter(found.hf_subsets)),
        id=found.dataset["path"],
        revision=found.dataset.get("revision"),
        metric=next((name for name, key in metrics.items() if key == found.main_score), None),
        main_score=found.main_score,
    )
