"""What the user calls tasks of MTEB's -> tasks: names, names with a subset, benchmarks, filters."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from mteb.abstasks import AbsTask
from mteb.abstasks.aggregated_task import AbsTaskAggregate
from mteb.get_tasks import TASK_LIST

from ...errors import ConfigError
from ..mteb_private import benchmarks
from ..tasks.hub_task import HubTask
from .filters import filtered_tasks, language_codes, subsets_in
from .task import hub_tasks, why_not
from .written_names import OUTER_COMMA, WITH_SUBSET, nearest, unknown_task


@dataclass(slots=True)
class Found:
    """Tasks that were found, each once, and those of a benchmark or filter that the bench cannot score: name -> why."""

    tasks: dict[str, HubTask] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def add(self, tasks: Sequence[HubTask]) -> None:
        """Add tasks that are not there yet."""
        for task in tasks:
            self.tasks.setdefault(task.name, task)


def find_hub_tasks(texts: Sequence[str], *, language: str, split: str = "test") -> Found:
    """Find tasks.

    Args:
        texts: Each one or more of these, separated by commas: a task's name; a task's name with a subset, `TASK (SUBSET)`; a benchmark's
            name, of which all tasks are taken; conditions `KEY=VALUE`, which together are one filter.
        language: Of a task of several subsets, those in this language are taken, unless the subset is named.
        split: As in `hub_tasks`.

    Raises:
        ConfigError: a name is unknown (the nearest are offered), has no subset in the language, or is of a kind that the bench does not know.
    """
    found = Found()
    for text in texts:
        conditions = []
        for part in (piece.strip() for piece in OUTER_COMMA.split(text)):
            key, equals, value = part.partition("=")
            if equals:
                conditions.append((key.strip(), value.strip()))
            elif part:
                _add_named(found, part, language, split)
        if conditions:
            asked = next((value for key, value in conditions if key == "language"), language)
            for cls in filtered_tasks(conditions):
                _add_all_that_can(found, cls, subsets_in(cls, language_codes(asked)), None, split)
    return found


def _add_named(found: Found, name: str, language: str, split: str) -> None:
    if name in benchmarks():
        for task in benchmarks()[name].tasks:
            _add_all_that_can(found, type(task), task.hf_subsets, task.eval_splits, split)
        return
    cls, subset = _named(name)
    for each in _parts(cls):
        if reason := why_not(each):
            raise ConfigError(f"{name} cannot be benched: {reason}")
        found.add(hub_tasks(each, _subsets(each, subset, language), None, split))


def _add_all_that_can(found: Found, cls: type[AbsTask], subsets: Sequence[str], splits: Sequence[str] | None, split: str) -> None:
    for each in _parts(cls):
        if reason := why_not(each):
            found.left_out[each.metadata.name] = reason
        else:
            found.add(hub_tasks(each, subsets if each is cls else None, splits if each is cls else None, split))


def _parts(cls: type[AbsTask]) -> list[type[AbsTask]]:
    """Return a task, or the tasks that it is the mean of."""
    return [type(task) for task in cls.metadata.tasks] if issubclass(cls, AbsTaskAggregate) else [cls]


def _named(name: str) -> tuple[type[AbsTask], str | None]:
    known = {task.metadata.name: task for task in TASK_LIST}
    if name in known:
        return known[name], None
    split = WITH_SUBSET.fullmatch(name)
    if split and split["name"] in known:
        return known[split["name"]], split["subset"]
    raise ConfigError(unknown_task(name, [*known, *benchmarks()]))


def _subsets(cls: type[AbsTask], subset: str | None, language: str) -> list[str]:
    known = list(cls.metadata.hf_subsets)
    if subset is None and not cls.metadata.is_multilingual:
        return known
    if subset is not None and subset in known:
        return [subset]
    chosen = subsets_in(cls, language_codes(language)) if subset is None else []
    if not chosen:
        lacking = f"no subset {subset!r}" if subset is not None else f"no subset in the language {language}"
        near = nearest(subset or language, known) or known[:8]
        name = cls.metadata.name
        raise ConfigError(f"{name} has {lacking}; there are {len(known)}, such as {', '.join(near)}: write '{name} ({near[0]})'")
    return chosen
